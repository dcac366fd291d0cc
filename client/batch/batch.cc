// SPDX-License-Identifier: Apache-2.0
#include "client/batch/batch.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/batch/batch_stream.h"
#include "client/batch/in_threads.h"
#include "client/request/module_request.h"
#include "lib/elf/module_writer.h"
#include "lib/elf/section_patch.h"
#include "lib/util/status_macros.h"
#include "lib/util/threads.h"

namespace btfd::client {

namespace {

absl::Status SignedError(const std::string& path) {
  return absl::FailedPreconditionError(absl::StrCat(
      path,
      ": the module is signed (it ends in ~Module signature appended~); "
      "finalize before signing, or give --drop-signature"));
}

}  // namespace

Batch::Batch(BatchOptions options, FinalizeClient* client, BaseFile* base,
             Done done)
    : options_(std::move(options)),
      client_(client),
      base_(base),
      done_(std::move(done)) {}

void Batch::Report(const ModuleResult& result) {
  const absl::MutexLock lock(&report_mutex_);
  done_(result);
}

void Batch::Fail(const std::string& path, absl::Status status) {
  ModuleResult result;
  result.path = path;
  result.status = std::move(status);
  Report(result);
}

absl::StatusOr<std::unique_ptr<BatchJob>> Batch::Load(
    const std::string& path, v1::FinalizeRequest* request) const {
  const TraceSpan span(options_.trace, "open", path);
  ASSIGN_OR_RETURN(elf::ModuleFile module, elf::ModuleFile::Open(path));
  ASSIGN_OR_RETURN(const bool changed, elf::FinishBegunPatch(module));
  if (changed) {
    ASSIGN_OR_RETURN(module, elf::ModuleFile::Open(path));
  }
  if (module.has_signature() && !options_.drop_signature) {
    return SignedError(path);
  }
  RETURN_IF_ERROR(
      FillModule(module, IdsRule::kMustBeUsable, options_.btf, request));
  *request->mutable_steps() = options_.steps;
  request->set_bypass_cache(options_.bypass_cache);
  request->set_trace(options_.trace != nullptr);
  if (StaysOverDistilledBase(*request)) request->clear_base();
  auto job = std::make_unique<BatchJob>(std::move(module));
  job->bytes_in = request->btf().size() + request->distilled_base().size();
  job->had_distilled_base = !request->distilled_base().empty();
  return job;
}

absl::Status Batch::Write(const BatchJob& job,
                          const v1::FinalizeResponse& response,
                          std::vector<std::string>* notices) const {
  const TraceSpan span(options_.trace, "write", job.module.path());
  std::vector<elf::SectionEdit> edits;
  if (response.has_btf()) edits.push_back({elf::kBtf, response.btf()});
  if (response.has_btf_base()) {
    edits.push_back({elf::kBtfBase, response.btf_base()});
  } else if (job.had_distilled_base && base_ != nullptr && response.has_btf()) {
    // The module's BTF now refers to the base itself.
    edits.push_back({elf::kBtfBase, std::nullopt});
  }
  if (response.has_btf_ids()) {
    edits.push_back({elf::kBtfIds, response.btf_ids()});
  }
  elf::WriteOptions options;
  options.drop_signature = options_.drop_signature;
  options.output = options_.output;
  options.sync = options_.sync;
  options.notice = [notices](const std::string& notice) {
    notices->push_back("btfc: " + notice);
  };
  return elf::WriteModule(job.module, edits, options).status();
}

void Batch::Conclude(const BatchJob& job,
                     const v1::FinalizeResponse& response) {
  if (options_.trace != nullptr) {
    options_.trace->AddDaemon(response, job.module.path());
  }
  ModuleResult result;
  result.path = job.module.path();
  result.warnings.assign(response.warnings().begin(),
                         response.warnings().end());
  result.status = response.outcome() == v1::OK
                      ? Write(job, response, &result.warnings)
                      : absl::InvalidArgumentError(response.message());
  result.cached = response.cached();
  result.types_in = response.types_in();
  result.types_out = response.types_out();
  result.bytes_in = job.bytes_in;
  result.bytes_out = response.has_btf()
                         ? response.btf().size() + response.btf_base().size()
                         : job.bytes_in;
  result.engine_ns = response.engine_ns();
  Report(result);
}

void Batch::FinishAlone(const std::string& path) {
  const TraceSpan span(options_.trace, "alone", path);
  v1::FinalizeRequest request;
  absl::StatusOr<std::unique_ptr<BatchJob>> job = Load(path, &request);
  if (!job.ok()) return Fail(path, job.status());
  absl::StatusOr<v1::FinalizeResponse> response;
  {
    // Also what it takes to start a daemon, and to send it the base.
    const TraceSpan asking(options_.trace, "ask", path);
    response = client_->Finalize(
        &request, StaysOverDistilledBase(request) ? nullptr : base_);
  }
  if (!response.ok()) return Fail(path, response.status());
  Conclude(**job, *response);
}

bool Batch::SetStream(BatchStream* stream) {
  const absl::MutexLock lock(&stream_mutex_);
  stream_ = stream;
  return !stopped_;
}

void Batch::Stop() {
  const absl::MutexLock lock(&stream_mutex_);
  stopped_ = true;
  if (stream_ != nullptr) stream_->Cancel();
}

void Batch::FinishByStream(util::UniqueFd socket,
                           std::deque<std::string>* waiting) {
  std::optional<TraceSpan> span;
  span.emplace(options_.trace, "set up the stream");
  auto stream = std::make_unique<BatchStream>(
      std::move(socket), options_.in_flight, options_.trace,
      [this](const std::string& path,
             v1::FinalizeRequest* request) -> std::unique_ptr<BatchJob> {
        if (base_ != nullptr) {
          const absl::Status status = base_->Fill(request->mutable_base());
          if (!status.ok()) {
            Fail(path, status);
            return nullptr;
          }
        }
        absl::StatusOr<std::unique_ptr<BatchJob>> job = Load(path, request);
        if (job.ok()) return std::move(*job);
        Fail(path, job.status());
        return nullptr;
      },
      [this](const BatchJob& job, const v1::FinalizeResponse& response) {
        Conclude(job, response);
      });
  span.reset();
  if (!SetStream(stream.get())) return;
  const absl::Status transport = stream->Run(waiting);
  if (!SetStream(nullptr)) return;
  span.emplace(options_.trace, "close the stream");
  stream = nullptr;
  span.reset();
  if (!transport.ok() && !waiting->empty()) client_->Failed(transport);
}

void Batch::FinishHere(LocalEngine* engine, std::deque<std::string>* waiting) {
  ForEachInThreads(waiting, [this, engine](const std::string& path) {
    if (!SetStream(nullptr)) return;
    v1::FinalizeRequest request;
    const absl::StatusOr<std::unique_ptr<BatchJob>> job = Load(path, &request);
    if (!job.ok()) return Fail(path, job.status());
    absl::StatusOr<v1::FinalizeResponse> response;
    {
      const TraceSpan span(options_.trace, "engine", path);
      response = engine->Finalize(
          request, StaysOverDistilledBase(request) ? nullptr : base_);
    }
    if (!response.ok()) return Fail(path, response.status());
    Conclude(**job, *response);
  });
}

void Batch::Run(const std::vector<std::string>& modules) {
  const TraceSpan span(options_.trace, "batch");
  // All modules get the same base, whatever happens to its file and to the
  // daemon. If the base is defective, each module reports that.
  if (base_ != nullptr && modules.size() > 1) {
    const TraceSpan reading(options_.trace, "read the base");
    base_->bytes().status().IgnoreError();
  }
  std::deque<std::string> waiting(modules.begin(), modules.end());
  while (!waiting.empty()) {
    const std::string first = std::move(waiting.front());
    waiting.pop_front();
    FinishAlone(first);
    if (waiting.empty() || !SetStream(nullptr)) return;
    if (client_->local() != nullptr) {
      FinishHere(client_->local(), &waiting);
      return;
    }
    // Where there are too few threads for a stream each module goes alone.
    if (!HasRoomForThreads(BatchStream::kThreads) ||
        !util::TryThreads(BatchStream::kThreads).ok()) {
      continue;
    }
    absl::StatusOr<util::UniqueFd> socket;
    {
      const TraceSpan connecting(options_.trace, "connect");
      socket = client_->UseStream();
    }
    // Without a connection each module is sent by itself, and reports the
    // failure.
    if (socket.ok()) FinishByStream(*std::move(socket), &waiting);
  }
}

}  // namespace btfd::client
