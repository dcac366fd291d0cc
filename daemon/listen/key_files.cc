// SPDX-License-Identifier: Apache-2.0
#include "daemon/listen/key_files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};

absl::Status Wrong(absl::string_view option, const std::string& path,
                   absl::string_view what) {
  ERR_clear_error();
  return absl::InvalidArgumentError(
      absl::StrCat(option, " = ", path, ": ", what));
}

absl::StatusOr<std::string> Read(absl::string_view option,
                                 const std::string& path) {
  absl::StatusOr<std::string> content = util::ReadFile(path);
  if (content.ok()) return content;
  return Wrong(option, path, content.status().message());
}

std::unique_ptr<BIO, Free> View(const std::string& bytes) {
  return std::unique_ptr<BIO, Free>(
      BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

// Without this, OpenSSL would ask for a passphrase at the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::StatusOr<std::unique_ptr<X509, Free>> ReadCertificate(
    absl::string_view option, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string content, Read(option, path));
  std::unique_ptr<X509, Free> certificate(
      PEM_read_bio_X509(View(content).get(), nullptr, NoPassphrase, nullptr));
  if (certificate != nullptr) return certificate;
  return Wrong(option, path, "holds no certificate in PEM");
}

}  // namespace

absl::Status CheckCertificates(absl::string_view option,
                               const std::string& path) {
  return ReadCertificate(option, path).status();
}

absl::Status CheckKeyPair(const std::string& certificate_path,
                          const std::string& key_path) {
  ASSIGN_OR_RETURN(const auto certificate,
                   ReadCertificate("tls_certificate", certificate_path));
  ASSIGN_OR_RETURN(const std::string content, Read("tls_key", key_path));
  const std::unique_ptr<EVP_PKEY, Free> key(PEM_read_bio_PrivateKey(
      View(content).get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr) {
    return Wrong("tls_key", key_path,
                 "holds no private key in PEM, or one with a passphrase");
  }
  if (X509_check_private_key(certificate.get(), key.get()) == 1) {
    return absl::OkStatus();
  }
  return Wrong("tls_key", key_path,
               absl::StrCat("is not the key of ", certificate_path));
}

}  // namespace btfd::daemon
