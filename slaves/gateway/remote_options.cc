// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/remote_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>

namespace ov6 {
namespace {

constexpr size_t kMaxDeviceName = 15;

// An option that may be repeated, with one value each time; `parse` gives the value or a sentence.
template <typename T>
void AddEach(CLI::App& app, const std::string& name, std::vector<T>* list, auto parse,
             const std::string& description) {
  const auto read = [list, parse](const CLI::results_t& texts) {
    for (const std::string& text : texts) {
      auto parsed = parse(text);
      if (!parsed.ok()) throw CLI::ValidationError(std::string(parsed.status().message()));
      list->push_back(*std::move(parsed));
    }
    return true;
  };
  app.add_option(name, read, description + "; may be repeated")
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->allow_extra_args(false);
}

absl::StatusOr<Prefix> ParsePrefix(const std::string& text) {
  if (const auto prefix = Prefix::Parse(text)) return *prefix;
  return absl::InvalidArgumentError("\"" + text + "\" is not an IPv6 prefix such as fd00:0:0:1::/64");
}

absl::StatusOr<Ipv6> ParseAddress(const std::string& text) {
  if (const auto address = Ipv6::Parse(text)) return *address;
  return absl::InvalidArgumentError("\"" + text + "\" is not an IPv6 address");
}

// It stands in quotes in the firewall's rules.
std::string CheckDevice(const std::string& name) {
  const bool good = !name.empty() && name.size() <= kMaxDeviceName &&
                    std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
                    });
  return good ? "" : "\"" + name + "\" is no name of a device: up to 15 letters, digits, '-', '_' and '.'";
}

void AddOptions(CLI::App& app, RemoteGatewayOptions* o) {
  AddEach(
      app, "--master", &o->masters, [](const auto& text) { return MasterUrl::Parse(text); },
      "https://HOST[:PORT] of the master, or of the next that takes over");
  app.add_option("--name", o->name, "name of this site at the master, 1 to 11 characters of [a-z0-9-]");
  app.add_option("--interface", o->interface, "the device of the site's LAN")->check(CheckDevice);
  app.add_option("--token-file", o->token_file, "file with the token that the master made");
  AddEach(app, "--prefix", &o->prefixes, ParsePrefix, "a prefix to ask for");
  app.add_option(
      "--own-key", o->own_key,
      "directory of a key (ov6ctl key new) that the site's prefix is cut from, the same at every master");
  app.add_option("--ca", o->ca, "PEM file of whom to believe; default: whom the system believes");
  CLI::Option* key = app.add_option("--key", o->key, "PEM file of the certificate's key");
  app.add_option("--cert", o->certificate, "PEM file of a client certificate")->needs(key);
  app.add_option("--proxy", o->proxy,
                 "http://[USER:PASSWORD@]HOST:PORT; default: the environment's https_proxy");
  app.add_option("--tun", o->tun, "name of the TUN device")->check(CheckDevice)->capture_default_str();
  app.add_option("--routes", o->routes, "what goes to the master: default, domain, or auto")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, RouteChoice>{{"auto", RouteChoice::kAuto},
                                                                     {"default", RouteChoice::kDefault},
                                                                     {"domain", RouteChoice::kDomain}}));
  app.add_option(
         "--transport", o->transport,
         "how the session is carried: upgrade, poll (long HTTP requests), or auto: polls where the way "
         "carries no Upgrade")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, TransportRule>{{"auto", TransportRule::kAuto},
                                                                       {"upgrade", TransportRule::kUpgrade},
                                                                       {"poll", TransportRule::kPoll}}));
  AddEach(app, "--dns", &o->resolvers, ParseAddress, "a resolver that hosts are told of");
  AddEach(
      app, "--open", &o->openings, [](const auto& text) { return Opening::Parse(text); },
      "what may come in unasked: PREFIX, PREFIX:PORT/tcp, any:FIRST-LAST/udp");
  app.add_flag("!--no-firewall", o->firewall, "set no firewall: the site is open");
  app.add_flag("--show-firewall", o->show_firewall, "print the firewall's rules and end");
  app.add_flag("--debug", o->debug, "log more");
}

void CheckWhole(const RemoteGatewayOptions& options) {
  if (options.show_firewall) return;
  for (const auto& [value, name] :
       {std::pair(!options.masters.empty(), "--master"), std::pair(!options.name.empty(), "--name"),
        std::pair(!options.interface.empty(), "--interface")}) {
    if (!value) throw CLI::RequiredError(name);
  }
  if (!options.own_key.empty() && options.prefixes.size() > 1)
    throw CLI::ValidationError("--prefix: of a key of its own a site has one prefix");
}

}  // namespace

RemoteGatewayOptions ParseRemoteOptions(int argc, char** argv) {
  RemoteGatewayOptions options;
  CLI::App app(
      "ov6-gateway: IPv6 for a site anywhere, from an ov6 master that it reaches by HTTP. (Without --master: "
      "a "
      "slave of the ov6d that starts it.)");
  AddOptions(app, &options);
  try {
    app.parse(argc, argv);
    CheckWhole(options);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return options;
}

}  // namespace ov6
