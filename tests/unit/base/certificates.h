// SPDX-License-Identifier: Apache-2.0
// Certificates made on the spot: an authority, and what it signs, as PEM files in a folder.
#ifndef OV6_TESTS_UNIT_BASE_CERTIFICATES_H
#define OV6_TESTS_UNIT_BASE_CERTIFICATES_H

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace ov6 {

class Authority {
 public:
  Authority(std::filesystem::path folder, const std::string& name)
      : folder_(std::move(folder)), name_(name), key_(EVP_EC_gen("P-256")) {
    certificate_ = Make(name, key_, "", 3600);
    Extend(certificate_, NID_basic_constraints, "critical,CA:TRUE");
    Finish(name, certificate_, key_);
  }
  Authority(const Authority&) = delete;
  ~Authority() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }

  // NAME.pem and NAME.key. `alternative`: as OpenSSL writes it, "DNS:a" or "IP:1.2.3.4".
  void Sign(const std::string& name, const std::string& alternative, long lifetime = 3600) const {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = Make(name, key, alternative, lifetime);
    Finish(name, certificate, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  std::filesystem::path Pem(const std::string& name) const { return folder_ / (name + ".pem"); }
  std::filesystem::path Key(const std::string& name) const { return folder_ / (name + ".key"); }
  std::filesystem::path Pem() const { return Pem(name_); }

 private:
  X509* Make(const std::string& name, EVP_PKEY* key, const std::string& alternative, long lifetime) const {
    X509* made = X509_new();
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made),
                     1 + static_cast<long>(std::hash<std::string>()(name) >> 33));
    X509_gmtime_adj(X509_getm_notBefore(made), -7200);
    X509_gmtime_adj(X509_getm_notAfter(made), lifetime);
    X509_set_pubkey(made, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.data()),
                               static_cast<int>(name.size()), -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(certificate_ != nullptr ? certificate_ : made));
    if (!alternative.empty()) Extend(made, NID_subject_alt_name, alternative);
    return made;
  }
  static void Extend(X509* certificate, int what, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
    ASSERT_NE(extension, nullptr) << value;
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  void Finish(const std::string& name, X509* certificate, EVP_PKEY* key) const {
    ASSERT_GT(X509_sign(certificate, key_, EVP_sha256()), 0);
    std::FILE* pem = std::fopen(Pem(name).c_str(), "w");
    std::FILE* secret = std::fopen(Key(name).c_str(), "w");
    PEM_write_X509(pem, certificate);
    PEM_write_PrivateKey(secret, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(pem);
    std::fclose(secret);
  }

  std::filesystem::path folder_;
  std::string name_;
  EVP_PKEY* key_;
  X509* certificate_ = nullptr;
};

}  // namespace ov6

#endif
