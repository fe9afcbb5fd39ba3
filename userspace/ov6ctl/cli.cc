// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/cli.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "userspace/ov6ctl/objects.h"

namespace ov6::ctl {
namespace {

absl::Status HelpObject(Context& context, Words& words);

struct Object {
  std::string_view name;
  Command run;
  std::string_view usage;  // behind the name; the default command in brackets
  std::string_view help;
};

constexpr Object kObjects[] = {
    {"status", StatusObject, "[show]", "the daemon, its devices and doors, domains, sizes"},
    {"route", RouteObject, "[show] | get ADDRESS | add PREFIX ACTION | del PREFIX",
     "prefix -> slave and action"},
    {"map", MapObject, "[show] | dump MAP | get MAP ADDRESS | del locators IPV4|all | del front all | verify",
     "the kernel's maps, also without a daemon"},
    {"mapping", MappingObject,
     "[show] | add PREFIX via LOCATOR[:PORT] [encap 6in4|udp] ... [lifetime S | static] | del PREFIX",
     "mappings by hand"},
    {"slave", SlaveObject,
     "[show] | call NAME METHOD [JSON] | add NAME domain DOMAIN [KEY VALUE]... | del NAME | drain NAME [for "
     "SECONDS] | start NAME",
     "the slaves: questions to them, new ones, and sending one away for a while"},
    {"resolve", ResolveObject, "ADDRESS", "look an address up, step by step"},
    {"record", RecordObject, "show PREFIX|ADDRESS | revoke PREFIX | renew PREFIX",
     "what the DHT holds, and by whose leave; take one's own back"},
    {"site", SiteObject, "[show] | move PREFIX dev DEVICE [with FILE] | del PREFIX",
     "prefixes of the sites; move one here from another router"},
    {"token", TokenObject,
     "[show] | new NAME prefix DOMAIN:auto|DOMAIN:own|DOMAIN:PREFIX [kind gateway|dht] [replace] [token "
     "FILE] | "
     "del NAME",
     "who may connect as a slave from elsewhere"},
    {"key", KeyObject, "[show [DIRECTORY [in PREFIX]]] | new DIRECTORY [security N]",
     "the node's key and what it owns; keys in a directory"},
    {"delegate", DelegateObject,
     "PREFIX to KEY [maxlen N] [lifetime T] [file FILE]\n"
     "        [key DIRECTORY domain NAME | key DIRECTORY under FILE]",
     "let another router's key claim a prefix"},
    {"trace", TraceObject,
     "[dst] ADDRESS [src ADDRESS] [in IFACE] [proto icmp6|udp|tcp] [sport N] [dport N] [hlim N] [size N]\n"
     "        [outer IPV4 [encap 6in4|udp]] | pcap FILE [in IFACE]",
     "what the datapath would do with a packet, without doing it"},
    {"monitor", MonitorObject, "[drop] [punt] [answer] [forward] [pass] [map] | all",
     "packets and changes of the tables as they happen"},
    {"counter", CounterObject, "[show [-a]] | explain VERDICT", "what became of every packet, and why"},
    {"datapath", DatapathObject, "[show] | detach", "the programs and devices; take everything away"},
    {"version", VersionObject, "[show]", "of this program and of the maps it reads"},
    {"help", HelpObject, "[OBJECT]", "this"},
};

constexpr std::string_view kOptionsHelp =
    "OPTIONS: -j, --json | -p, --pretty | -R, --run DIRECTORY (of the instance; /run/ov6 or $OV6_RUN) |\n"
    "         -S, --socket PATH (the daemon's) | -V, --version | -h, --help\n"
    "MAP:     routes | mappings | negatives | locators | slaves | devices | verdicts | config\n"
    "ACTION:  tunnel | site | port | pass | reject\n"
    "Exit:    0 well, 1 not found, 2 refused, 3 different, 4 no daemon, 255 usage\n";

absl::Status HelpObject(Context& context, Words& words) {
  if (const auto word = words.Next()) {
    const auto object = ChooseByName(kObjects, *word, "object");
    if (!object.ok()) return object.status();
    const Object& found = kObjects[*object];
    context.out << fmt::format("usage: ov6ctl [OPTIONS] {} {}\n{}: {}\n", found.name, found.usage, found.name,
                               found.help);
    return words.Finish();
  }
  context.out << "usage: ov6ctl [OPTIONS] OBJECT [COMMAND [ARGUMENTS]]\n\nOBJECTS:\n";
  for (const Object& object : kObjects) {
    context.out << fmt::format("  {} {}\n      {}\n", object.name, object.usage, object.help);
  }
  context.out << "\n" << kOptionsHelp;
  return absl::OkStatus();
}

absl::Status RunObject(Context& context, Words& words) {
  if (context.options.version) return VersionObject(context, words);
  if (context.options.help) return HelpObject(context, words);
  const auto word = words.Need("an object, as in 'ov6ctl help',");
  if (!word.ok()) return word.status();
  const auto object = ChooseByName(kObjects, *word, "object");
  return object.ok() ? kObjects[*object].run(context, words) : object.status();
}

}  // namespace

absl::Status RunVerb(std::span<const Verb> verbs, Context& context, Words& words) {
  const auto word = words.Next();
  const auto verb = ChooseByName(verbs, word.value_or("show"), "command");
  return verb.ok() ? verbs[*verb].run(context, words) : verb.status();
}

ExitCode Report(const absl::Status& status, bool json, std::ostream& out, std::ostream& err) {
  if (status.ok()) return kExitOk;
  const std::string message(status.message());
  err << "ov6ctl: " << message << "\n";
  if (json && !IsJsonPrinted(status)) {
    const boost::json::value error = {{"error", {{"code", ToWord(status)}, {"message", message}}}};
    out << boost::json::serialize(error) << "\n";
  }
  return ToExitCode(status);
}

ExitCode Run(Context& context, std::span<const std::string> words) {
  Words rest(words);
  return Report(RunObject(context, rest), context.options.json, context.out, context.err);
}

}  // namespace ov6::ctl
