// SPDX-License-Identifier: Apache-2.0
#include "tests/support/certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include <fstream>

namespace btfd::tests {

namespace {

void Check(bool ok, const char* what) {
  if (ok) return;
  fprintf(stderr, "certificates: %s failed\n", what);
  abort();
}

template <typename Write>
std::string ToPem(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  Check(write(bio) == 1, "writing PEM");
  char* data;
  const long size = BIO_get_mem_data(bio, &data);
  const std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

std::string CertificatePem(X509* certificate) {
  return ToPem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

std::string KeyPem(EVP_PKEY* key) {
  return ToPem([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr,
                                    nullptr);
  });
}

void AddExtension(X509* certificate, X509* issuer, int nid,
                  const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  Check(extension != nullptr, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* NewCertificate(EVP_PKEY* key, const CertificateSubject& subject,
                     long serial) {
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), subject.begins);
  X509_gmtime_adj(X509_getm_notAfter(certificate), subject.ends);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(
      X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
      reinterpret_cast<const unsigned char*>(subject.name.c_str()), -1, -1, 0);
  return certificate;
}

}  // namespace

void Certificate::WriteTo(const std::string& directory,
                          const std::string& name) const {
  std::ofstream(directory + "/" + name + ".crt", std::ios::trunc)
      << certificate;
  std::ofstream(directory + "/" + name + ".key", std::ios::trunc) << key;
}

CertificateAuthority::CertificateAuthority(const std::string& name) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  Check(key != nullptr, "making a key");
  CertificateSubject subject;
  subject.name = name;
  X509* certificate = NewCertificate(key, subject, serial_++);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  AddExtension(certificate, certificate, NID_basic_constraints,
               "critical,CA:TRUE");
  AddExtension(certificate, certificate, NID_key_usage,
               "critical,keyCertSign,cRLSign");
  AddExtension(certificate, certificate, NID_subject_key_identifier, "hash");
  Check(X509_sign(certificate, key, EVP_sha256()) > 0, "signing");
  pem_ = CertificatePem(certificate);
  key_ = key;
  certificate_ = certificate;
}

CertificateAuthority::~CertificateAuthority() {
  X509_free(static_cast<X509*>(certificate_));
  EVP_PKEY_free(static_cast<EVP_PKEY*>(key_));
}

Certificate CertificateAuthority::Issue(const CertificateSubject& subject) {
  X509* const issuer = static_cast<X509*>(certificate_);
  EVP_PKEY* key = EVP_EC_gen("P-256");
  Check(key != nullptr, "making a key");
  X509* certificate = NewCertificate(key, subject, serial_++);
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  std::string names;
  for (const std::string& name : subject.dns_names) {
    names += (names.empty() ? "DNS:" : ",DNS:") + name;
  }
  for (const std::string& address : subject.addresses) {
    names += (names.empty() ? "IP:" : ",IP:") + address;
  }
  if (!names.empty()) {
    AddExtension(certificate, issuer, NID_subject_alt_name, names);
  }
  AddExtension(certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
  AddExtension(certificate, issuer, NID_authority_key_identifier, "keyid");
  Check(X509_sign(certificate, static_cast<EVP_PKEY*>(key_), EVP_sha256()) > 0,
        "signing");
  Certificate result = {CertificatePem(certificate), KeyPem(key)};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return result;
}

}  // namespace btfd::tests
