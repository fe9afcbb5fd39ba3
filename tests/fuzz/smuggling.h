// SPDX-License-Identifier: Apache-2.0
// Requests of which two HTTP parsers in a row may see different ends (RFC 9112 section 11.2). Behind a
// reverse proxy the one that asks is whoever the proxy lets through: what can be read in two ways is refused.
#ifndef OV6_TESTS_FUZZ_SMUGGLING_H
#define OV6_TESTS_FUZZ_SMUGGLING_H

#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <string_view>

namespace ov6::smuggling {

// By name; none may be taken.
inline std::map<std::string, std::string> Requests() {
  const std::string line = "GET /.well-known/masque/ip/*/*/?kind=dht&name=chord HTTP/1.1\r\n";
  const std::string fields =
      "Host: ov6\r\nConnection: Upgrade\r\nUpgrade: connect-ip\r\nCapsule-Protocol: ?1\r\nOv6-Version: 1\r\n";
  const auto with = [&](const std::string& more) { return line + fields + more + "\r\n"; };
  std::string bare = with("");
  std::erase(bare, '\r');
  const auto target = [&](const std::string& text) {
    return "GET " + text + " HTTP/1.1\r\n" + fields + "\r\n";
  };
  return {
      {"two-lengths", with("Content-Length: 5\r\nContent-Length: 6\r\n")},
      {"two-same-lengths", with("Content-Length: 0\r\nContent-Length: 0\r\n")},
      {"length-list", with("Content-Length: 5, 5\r\n")},
      {"length-plus", with("Content-Length: +5\r\n")},
      {"length-negative", with("Content-Length: -1\r\n")},
      {"length-huge", with("Content-Length: 99999999999999999999\r\n")},
      {"length-tab", with("Content-Length:\t5\r\n")},
      {"length-space-before-colon", with("Content-Length : 5\r\n")},
      {"length-and-chunked", with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")},
      {"chunked", with("Transfer-Encoding: chunked\r\n")},
      {"chunked-case", with("tRANSFER-eNCODING: cHuNkEd\r\n")},
      {"chunked-tab", with("Transfer-Encoding:\tchunked\r\n")},
      {"chunked-space-before-colon", with("Transfer-Encoding : chunked\r\n")},
      {"chunked-quoted", with("Transfer-Encoding: \"chunked\"\r\n")},
      {"chunked-twice", with("Transfer-Encoding: chunked, chunked\r\n")},
      {"chunked-identity", with("Transfer-Encoding: chunked, identity\r\n")},
      {"chunked-x", with("Transfer-Encoding: xchunked\r\n")},
      {"chunked-vertical-tab", with("Transfer-Encoding: \x0b"
                                    "chunked\r\n")},
      {"chunked-folded", with("Transfer-Encoding:\r\n chunked\r\n")},
      {"chunked-hidden-by-bare-lf", with("X: y\nTransfer-Encoding: chunked\r\n")},
      {"chunked-hidden-by-bare-cr", with("X: y\rTransfer-Encoding: chunked\r\n")},
      {"chunk-extension",
       with("Transfer-Encoding: chunked\r\n") + "5;" + std::string(7000, 'x') + "\r\nhello\r\n"},
      {"two-hosts", with("Host: other\r\n")},
      {"two-hosts-folded", line + "Host: ov6\r\nX: y\r\n\tz\r\nHost: other\r\n" + fields.substr(11) + "\r\n"},
      {"no-host", line + fields.substr(11) + "\r\n"},
      {"two-tokens", with("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n")},
      {"bare-lf", bare},
      {"nul-in-value", with(std::string("X: a\0b\r\n", 8))},
      {"nul-in-name", with(std::string("X\0: a\r\n", 7))},
      {"nul-in-target", target(std::string("/.well-known/masque/ip/*/*/\0?kind=dht&name=chord", 48))},
      {"space-in-name", with("Content Length: 5\r\n")},
      {"no-colon", with("Chunked\r\n")},
      {"empty-name", with(": chunked\r\n")},
      {"leading-space", line + " " + fields + "\r\n"},
      {"two-requests", with("") + with("")},
      {"body-behind", with("") + "hello"},
      {"http-0.9", "GET /.well-known/masque/ip/*/*/?kind=dht&name=chord\r\n\r\n"},
      {"http-1.0", "GET /.well-known/masque/ip/*/*/?kind=dht&name=chord HTTP/1.0\r\n" + fields + "\r\n"},
      {"http-2.0", "GET /.well-known/masque/ip/*/*/?kind=dht&name=chord HTTP/2.0\r\n" + fields + "\r\n"},
      {"http-1.10", "GET /.well-known/masque/ip/*/*/?kind=dht&name=chord HTTP/1.10\r\n" + fields + "\r\n"},
      {"two-spaces", "GET  /.well-known/masque/ip/*/*/?kind=dht&name=chord HTTP/1.1\r\n" + fields + "\r\n"},
      {"network-path", target("//other/.well-known/masque/ip/*/*/?kind=dht&name=chord")},
      {"another-scheme", target("file://ov6/.well-known/masque/ip/*/*/?kind=dht&name=chord")},
      {"scheme-without-host", target("http:/.well-known/masque/ip/*/*/?kind=dht&name=chord")},
      {"fragment", target("/.well-known/masque/ip/*/*/?kind=dht&name=chord#x")},
      {"dots", target("/x/../.well-known/masque/ip/*/*/?kind=dht&name=chord")},
      {"asterisk", target("*")},
      {"authority", target("ov6:443")},
      {"connect", "CONNECT ov6:443 HTTP/1.1\r\n" + fields + "\r\n"},
  };
}

// Of a long poll, whose requests have bodies; by name, none may be taken.
inline std::map<std::string, std::string> PollRequests() {
  const std::string line = "POST /.well-known/masque/ip/*/*/?poll=up&sequence=1 HTTP/1.1\r\n";
  const std::string fields =
      "Host: ov6\r\nOv6-Version: 1\r\nOv6-Session: 00112233445566778899aabbccddeeff\r\n";
  const auto with = [&](const std::string& more) { return line + fields + more + "\r\nhello"; };
  std::string bare = with("Content-Length: 5\r\n");
  std::erase(bare, '\r');
  return {
      {"no-length", with("")},
      {"two-lengths", with("Content-Length: 5\r\nContent-Length: 6\r\n")},
      {"two-same-lengths", with("Content-Length: 5\r\nContent-Length: 5\r\n")},
      {"length-list", with("Content-Length: 5, 5\r\n")},
      {"length-plus", with("Content-Length: +5\r\n")},
      {"length-negative", with("Content-Length: -1\r\n")},
      {"length-huge", with("Content-Length: 99999999999999999999\r\n")},
      {"length-hex", with("Content-Length: 0x5\r\n")},
      {"length-empty", with("Content-Length:\r\n")},
      {"length-space-before-colon", with("Content-Length : 5\r\n")},
      {"length-and-chunked", with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")},
      {"chunked-and-length", with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")},
      {"length-and-xchunked", with("Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n")},
      {"length-and-identity", with("Content-Length: 5\r\nTransfer-Encoding: identity\r\n")},
      {"chunked", with("Transfer-Encoding: chunked\r\n")},
      {"chunked-folded", with("Content-Length: 5\r\nTransfer-Encoding:\r\n chunked\r\n")},
      {"chunked-hidden-by-bare-lf", with("Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked\r\n")},
      {"chunked-hidden-by-bare-cr", with("Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked\r\n")},
      {"bare-lf", bare},
      {"two-hosts", with("Content-Length: 5\r\nHost: other\r\n")},
      {"two-tokens", with("Content-Length: 5\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n")},
      {"two-sessions", with("Content-Length: 5\r\nOv6-Session: 00112233445566778899aabbccddeef0\r\n")},
      {"nul-in-value", with(std::string("Content-Length: 5\0\r\n", 20))},
      {"http-2.0", "POST /.well-known/masque/ip/*/*/?poll=up&sequence=1 HTTP/2.0\r\n" + fields +
                       "Content-Length: 5\r\n\r\nhello"},
  };
}

// Whether a field line says that a body follows, in any case and with any space around it.
inline bool HasBody(std::string_view head) {
  std::string text;
  for (const char c : head) {
    if (c != ' ' && c != '\t') text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text.find("\r\ncontent-length:") != text.npos || text.find("\r\ntransfer-encoding:") != text.npos;
}

}  // namespace ov6::smuggling

#endif
