// SPDX-License-Identifier: Apache-2.0
//
// A certificate authority for tests. It makes the keys and certificates of a
// TLS test in memory, or as files in a directory.
#ifndef BTFD_TESTS_SUPPORT_CERTIFICATES_H_
#define BTFD_TESTS_SUPPORT_CERTIFICATES_H_

#include <string>
#include <vector>

namespace btfd::tests {

struct Certificate {
  std::string certificate;  // PEM
  std::string key;          // PEM

  // Writes NAME.crt and NAME.key into a directory.
  void WriteTo(const std::string& directory, const std::string& name) const;
};

struct CertificateSubject {
  std::string name = "test";
  std::vector<std::string> dns_names;
  std::vector<std::string> addresses;  // "127.0.0.1"
  // The validity in seconds from now. To get an expired one, let it end in the
  // past.
  long begins = -3600;
  long ends = 24 * 3600;
};

// Not thread-safe. An error of the crypto library ends the test's process.
class CertificateAuthority {
 public:
  explicit CertificateAuthority(const std::string& name = "test authority");
  ~CertificateAuthority();
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;

  const std::string& pem() const { return pem_; }
  // Makes a certificate for a server or a client.
  Certificate Issue(const CertificateSubject& subject);

 private:
  void* key_;          // EVP_PKEY
  void* certificate_;  // X509
  std::string pem_;
  long serial_ = 1;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_CERTIFICATES_H_
