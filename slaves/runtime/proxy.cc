// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/proxy.h"

#include <openssl/evp.h>

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <cstdlib>

#include "ov6/address.h"
#include "userspace/wire/upgrade.h"

namespace ov6 {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view kHeadEnd = "\r\n\r\n";

// --- which proxy ---------------------------------------------------------------

std::string Variable(const char* lower, const char* upper) {
  const char* value = std::getenv(lower);
  if (value == nullptr) value = std::getenv(upper);
  return value == nullptr ? "" : value;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool SameName(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

bool IsNameOrBelow(std::string_view host, std::string_view name) {
  if (!name.empty() && name.front() == '.') name.remove_prefix(1);
  if (name.empty() || host.size() < name.size()) return false;
  const size_t rest = host.size() - name.size();
  return SameName(host.substr(rest), name) && (rest == 0 || host[rest - 1] == '.');
}

std::optional<int> Number(std::string_view text, int most) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0 || number > most)
    return std::nullopt;
  return number;
}

bool IsInPrefix(std::string_view host, std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return false;
  const auto address = Ipv4::Parse(host), network = Ipv4::Parse(text.substr(0, slash));
  const auto length = Number(text.substr(slash + 1), 32);
  if (!address || !network || !length) return false;
  return *length == 0 || ((address->value ^ network->value) >> (32 - *length)) == 0;
}

bool MatchesEntry(std::string_view entry, std::string_view host, uint16_t port) {
  if (entry == "*") return true;
  if (const size_t colon = entry.rfind(':'); colon != entry.npos) {
    if (Number(entry.substr(colon + 1), 65535) != int{port}) return false;
    entry = entry.substr(0, colon);
  }
  return IsInPrefix(host, entry) || IsNameOrBelow(host, entry);
}

// --- CONNECT ---------------------------------------------------------------------

std::string Base64(const std::string& text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

}  // namespace

absl::StatusOr<ProxyUrl> ProxyUrl::Parse(std::string_view text) {
  const std::string whole = text.find("://") == text.npos ? "http://" + std::string(text) : std::string(text);
  // The words may hold a password: they are not repeated.
  const auto wrong = [](const std::string& why) {
    return absl::InvalidArgumentError("the proxy's address is not usable (" + why +
                                      "); http://proxy.example:3128 would be");
  };
  const auto url = boost::urls::parse_uri(whole);
  if (url.has_error()) return wrong("it is no URL");
  if (url->scheme_id() != boost::urls::scheme::http) return wrong("only http:// proxies are known here");
  if (url->host_type() == boost::urls::host_type::ipv6) return wrong("proxies are reached by IPv4");
  ProxyUrl proxy;
  proxy.host = url->host();
  if (proxy.host.empty()) return wrong("it has no host");
  if (url->port_number() != 0) proxy.port = url->port_number();
  proxy.user = url->user();
  proxy.password = url->password();
  return proxy;
}

std::string ProxyUrl::Authority() const { return host + ":" + std::to_string(port); }

ProxyWords ProxyWords::FromEnvironment() {
  return {"", Variable("https_proxy", "HTTPS_PROXY"), Variable("no_proxy", "NO_PROXY")};
}

absl::StatusOr<std::optional<ProxyUrl>> ProxyWords::For(const MasterUrl& master) const {
  const bool from_environment = master.tls && !MatchesNoProxy(no_proxy, master.host, master.port);
  const std::string& words = !given.empty() || !from_environment ? given : https;
  if (words.empty()) return std::optional<ProxyUrl>();
  const auto proxy = ProxyUrl::Parse(words);
  if (!proxy.ok()) return proxy.status();
  return std::optional(*proxy);
}

bool MatchesNoProxy(std::string_view list, std::string_view host, uint16_t port) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (MatchesEntry(Trimmed(list.substr(0, comma)), host, port)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

std::string ProxyAuthorization(const ProxyUrl& proxy) {
  if (proxy.user.empty() && proxy.password.empty()) return {};
  return "Proxy-Authorization: Basic " + Base64(proxy.user + ":" + proxy.password) + "\r\n";
}

absl::Status ProxyRefusal(int status, const std::string& reason, const MasterUrl& master,
                          const ProxyUrl& proxy) {
  const std::string answer = std::to_string(status) + (reason.empty() ? "" : " ") + reason;
  const std::string who = "the proxy " + proxy.Authority();
  // 401: tinyproxy's answer to wrong ones.
  const bool credentials = status == 407 || status == 401;
  if (credentials && proxy.user.empty()) {
    return absl::PermissionDeniedError(who + " wants credentials (" + answer +
                                       "); name it as http://USER:PASSWORD@" + proxy.Authority());
  }
  if (credentials)
    return absl::PermissionDeniedError(who + " does not take the credentials of \"" + proxy.user + "\" (" +
                                       answer + "); only Basic is spoken here");
  if (status >= 500 && status != 501)
    return absl::UnavailableError(who + " cannot reach " + master.Authority() + " (" + answer + ")");
  return absl::PermissionDeniedError(who + " refuses to connect to " + master.Authority() + " (" + answer +
                                     "); many allow port 443 alone");
}

std::string FormatConnect(const MasterUrl& master, const ProxyUrl& proxy) {
  const std::string target = master.Authority();
  return "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n" + ProxyAuthorization(proxy) + "\r\n";
}

std::optional<absl::Status> ParseConnectAnswer(std::string_view bytes, const MasterUrl& master,
                                               const ProxyUrl& proxy) {
  const std::string who = "the proxy " + proxy.Authority();
  const size_t end = bytes.find(kHeadEnd);
  if (end == bytes.npos && bytes.size() <= kMaxHeadSize) return std::nullopt;
  http::response_parser<http::empty_body> parser;
  parser.header_limit(kMaxHeadSize);
  parser.skip(true);
  boost::beast::error_code error;
  const size_t size = end == bytes.npos ? bytes.size() : end + kHeadEnd.size();
  parser.put(boost::asio::const_buffer(bytes.data(), size), error);
  if (error || !parser.is_header_done())
    return absl::UnavailableError(who + " does not answer CONNECT by HTTP");
  const auto& answer = parser.get();
  const int status = static_cast<int>(answer.result_int());
  if (status / 100 != 2) return ProxyRefusal(status, std::string(answer.reason()), master, proxy);
  // Neither TLS nor HTTP lets the master speak first.
  if (bytes.size() > size) return absl::UnavailableError(who + " sends bytes of its own behind its answer");
  return absl::OkStatus();
}

}  // namespace ov6
