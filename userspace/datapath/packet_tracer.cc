// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/packet_tracer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <string_view>

#include "ov6/abi/config.h"
#include "ov6/abi/front.h"
#include "ov6/abi/mapping.h"
#include "ov6/abi/maps.h"
#include "ov6/abi/verdict.h"
#include "userspace/base/netlink.h"
#include "userspace/datapath/libbpf_log.h"
#include "userspace/datapath/pins.h"
#include "userspace/datapath/program_pins.h"
#include "userspace/datapath/programs.h"
#include "userspace/datapath/typed_map.h"

namespace ov6 {
namespace {

namespace fs = std::filesystem;

using Object = std::unique_ptr<bpf_object, decltype(&bpf_object__close)>;
using Frame = std::span<const uint8_t>;

// Maps the programs only read ("front": if they are told to look only). All others, also ones to come, the
// copy gets for itself.
constexpr std::string_view kLive[] = {"routes",       "negatives",    "slaves", "devices", "slave_ports",
                                      "port_devices", "port_sockets", "config", "front"};
constexpr std::string_view kSizedByOv6d = "front";

constexpr uint32_t kOnly = 0;  // key of a map with one entry
constexpr uint32_t kSmallMap = 1024;
constexpr size_t kDeepest = 320;        // bytes of a frame in which the programs look for headers
constexpr size_t kGrowth = 256;         // bytes a program may put in front
constexpr size_t kLargestFrame = 3400;  // of a test run: the kernel has one page for it

bool IsLive(std::string_view map) { return std::ranges::find(kLive, map) != std::end(kLive); }

uint32_t PrivateSize(const bpf_map* map) {
  switch (bpf_map__type(map)) {
    case BPF_MAP_TYPE_RINGBUF:
      return static_cast<uint32_t>(getpagesize());
    case BPF_MAP_TYPE_LPM_TRIE:
    case BPF_MAP_TYPE_LRU_HASH:
    case BPF_MAP_TYPE_HASH:
      return std::min(bpf_map__max_entries(map), kSmallMap);
    default:
      return bpf_map__max_entries(map);
  }
}

absl::Status RunError(int error, const std::string& program) {
  switch (error) {
    case EPERM:
    case EACCES:
      return absl::PermissionDeniedError("no permission to test-run " + program + ": CAP_BPF and " +
                                         "CAP_NET_ADMIN are needed");
    default:
      return absl::ErrnoToStatus(error, "the kernel does not test-run " + program + " with this packet");
  }
}

std::string XdpResult(uint32_t code) {
  static constexpr const char* kNames[] = {"aborted", "drop", "pass", "tx", "redirect"};
  return code < std::size(kNames) ? kNames[code] : std::to_string(code);
}

std::string TcResult(uint32_t code) {
  switch (code) {
    case TC_ACT_OK:
      return "pass";
    case TC_ACT_SHOT:
      return "drop";
    case TC_ACT_REDIRECT:
      return "redirect";
    default:
      return std::to_string(static_cast<int>(code));
  }
}

class KernelTracer : public PacketTracer {
 public:
  explicit KernelTracer(fs::path bpffs) : bpffs_(std::move(bpffs)) {}

  absl::Status Open();
  absl::StatusOr<std::vector<TracedRun>> Trace(uint32_t ifindex, const ov6_device& device,
                                               Frame frame) override;

 private:
  struct Loaded {
    Object object;
    int program;
    bool same_build;
  };
  absl::StatusOr<const Loaded*> Program(const std::string& name);
  absl::Status GiveMaps(bpf_object* object);
  absl::Status KeepMaps(bpf_object* object);
  absl::Status Prepare(Frame frame);
  absl::Status CopyMappings(Frame frame, std::vector<uint32_t>* peers);
  absl::Status CopyGenerations();
  struct End {
    uint32_t verdict;
    bool by_front;
  };
  absl::StatusOr<std::optional<End>> FindEnd();
  absl::StatusOr<TracedRun> Run(const std::string& program, bool xdp, uint32_t ifindex, Frame frame);
  absl::StatusOr<TracedRun> RunOnEachCpu(const std::string& program, bool xdp, uint32_t ifindex, Frame frame);

  fs::path bpffs_;
  std::map<std::string, Loaded> loaded_;
  std::map<std::string, UniqueFd> own_;  // the private maps, of the first program loaded
  TypedMap<ov6_prefix, ov6_mapping> mappings_;
  TypedMap<uint32_t, ov6_path> locators_;
  RawMap generations_;
};

absl::Status KernelTracer::Open() {
  const auto config = OpenPin(MapsFolder(bpffs_) / "config", true);
  if (absl::IsNotFound(config.status())) {
    return absl::NotFoundError("there is no datapath at " + bpffs_.string());
  }
  if (!config.ok()) return config.status();
  if (auto status = CheckAbiVersion(config->get(), bpffs_); !status.ok()) return status;
  auto mappings = OpenPin(MapsFolder(bpffs_) / "mappings", true);
  if (!mappings.ok()) return mappings.status();
  mappings_ = TypedMap<ov6_prefix, ov6_mapping>(RawMap("mappings", *std::move(mappings)));
  auto locators = OpenPin(MapsFolder(bpffs_) / "locators", true);
  if (!locators.ok()) return locators.status();
  locators_ = TypedMap<uint32_t, ov6_path>(RawMap("locators", *std::move(locators)));
  auto generations = OpenPin(MapsFolder(bpffs_) / "front_changes", true);
  if (!generations.ok()) return generations.status();
  generations_ = RawMap("front_changes", *std::move(generations));
  return absl::OkStatus();
}

// Live maps by their pins, opened for reading; private ones of the program loaded before.
absl::Status KernelTracer::GiveMaps(bpf_object* object) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    const std::string name = bpf_map__name(map);
    if (bpf_map__is_internal(map)) continue;
    int result = 0;
    if (IsLive(name)) {
      const fs::path pin = MapsFolder(bpffs_) / name;
      const auto fd = OpenPin(pin, true);
      if (!fd.ok()) return fd.status();
      const auto info = MapInfo(fd->get());
      if (!info.ok()) return info.status();
      if (name == kSizedByOv6d) bpf_map__set_max_entries(map, info->max_entries);
      if (auto status = CheckMapFits(map, *info, pin); !status.ok()) return status;
      result = bpf_map__reuse_fd(map, fd->get());
    } else if (const auto own = own_.find(name); own != own_.end()) {
      result = bpf_map__reuse_fd(map, own->second.get());
    } else {
      result = bpf_map__set_max_entries(map, PrivateSize(map));
    }
    if (result < 0) return absl::ErrnoToStatus(-result, "giving the private programs the map " + name);
  }
  return absl::OkStatus();
}

absl::Status KernelTracer::KeepMaps(bpf_object* object) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    const std::string name = bpf_map__name(map);
    if (bpf_map__is_internal(map) || IsLive(name) || own_.contains(name)) continue;
    UniqueFd fd(fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 3));
    if (!fd.ok()) return absl::ErrnoToStatus(errno, "keeping the private map " + name);
    own_[name] = std::move(fd);
  }
  return absl::OkStatus();
}

absl::StatusOr<const KernelTracer::Loaded*> KernelTracer::Program(const std::string& name) {
  if (const auto found = loaded_.find(name); found != loaded_.end()) return &found->second;
  const auto bytes = ObjectBytes(name);
  LIBBPF_OPTS(bpf_object_open_opts, options);
  options.object_name = name.c_str();
  Object object(bpf_object__open_mem(bytes.data(), bytes.size(), &options), bpf_object__close);
  if (!object) return ObjectError(name, errno);
  if (auto status = GiveMaps(object.get()); !status.ok()) return status;
  if (const int result = bpf_object__load(object.get()); result < 0) return ObjectError(name, -result);
  if (auto status = KeepMaps(object.get()); !status.ok()) return status;
  const bpf_program* program = bpf_object__find_program_by_name(object.get(), name.c_str());
  if (program == nullptr) return absl::InternalError("no program " + name + " in its object");
  std::error_code error;
  bool pinned = false;
  for (const auto& entry : fs::directory_iterator(ProgramsFolder(bpffs_), error)) {
    pinned |= entry.path().filename().string().starts_with(name + "-");
  }
  const bool same = !pinned || fs::exists(ProgramsFolder(bpffs_) / ProgramPinName(name, bytes), error);
  const int fd = bpf_program__fd(program);
  return &loaded_.emplace(name, Loaded{std::move(object), fd, same}).first->second;
}

void Clear(int map) {
  std::array<uint8_t, 64> key{};
  while (bpf_map_get_next_key(map, nullptr, key.data()) == 0) {
    if (bpf_map_delete_elem(map, key.data()) != 0) return;
  }
}

// The programs write into mappings (next_question), so they get copies. They look up only
// addresses that stand in the packet: what the live trie says of each place that could be one
// is all that they can see of it, under the address itself instead of the prefix.
absl::Status KernelTracer::CopyMappings(Frame frame, std::vector<uint32_t>* peers) {
  const int own = own_.at("mappings").get();
  Clear(own);
  ov6_prefix key{.prefixlen = 128, .address = {}};
  for (size_t at = 0; at + sizeof(key.address) <= std::min(frame.size(), kDeepest); at += 2) {
    std::memcpy(key.address, &frame[at], sizeof(key.address));
    const auto mapping = mappings_.Get(key);
    if (absl::IsNotFound(mapping.status())) continue;
    if (!mapping.ok()) return mapping.status();
    const int result = bpf_map_update_elem(own, &key, &*mapping, BPF_ANY);
    if (result < 0) return absl::ErrnoToStatus(-result, "copying a mapping");
    for (const ov6_locator& locator : mapping->locators) peers->push_back(locator.address);
  }
  return absl::OkStatus();
}

// Every private map as if the frame were the first: empty, or the live one's entries.
absl::Status KernelTracer::Prepare(Frame frame) {
  std::vector<uint32_t> peers;  // IPv4 addresses that may be looked up in `locators`
  if (auto status = CopyMappings(frame, &peers); !status.ok()) return status;
  for (size_t at = 0; at + sizeof(uint32_t) <= std::min(frame.size(), kDeepest); at += 2) {
    std::memcpy(&peers.emplace_back(), &frame[at], sizeof(uint32_t));
  }
  Clear(own_.at("locators").get());
  for (const uint32_t peer : peers) {
    const auto path = locators_.Get(peer);
    if (absl::IsNotFound(path.status())) continue;
    if (!path.ok()) return path.status();
    bpf_map_update_elem(own_.at("locators").get(), &peer, &*path, BPF_ANY);
  }
  Clear(own_.at("buckets").get());
  const int budget = own_.at("punt_budget").get();
  const auto full = ForEachCpu<ov6_bucket>();  // not updated since boot
  for (uint32_t kind = 0; bpf_map_update_elem(budget, &kind, full.data(), BPF_ANY) == 0; ++kind) {
  }
  const auto none = ForEachCpu<ov6_count>();
  for (uint32_t verdict = 0; verdict < OV6_VERDICT_MAX; ++verdict) {
    bpf_map_update_elem(own_.at("verdicts").get(), &verdict, none.data(), BPF_ANY);
  }
  return CopyGenerations();
}

// Those of now, for programs that write nothing into the front.
absl::Status KernelTracer::CopyGenerations() {
  auto world = std::make_unique<ov6_front_generations>();
  if (const auto status = generations_.Get(&kOnly, world.get()); !status.ok()) return status;
  world->flags |= OV6_FRONT_LOOK;
  const int result = bpf_map_update_elem(own_.at("front_changes").get(), &kOnly, world.get(), BPF_ANY);
  return result < 0 ? absl::ErrnoToStatus(-result, "copying the front's generations") : absl::OkStatus();
}

absl::StatusOr<std::optional<KernelTracer::End>> KernelTracer::FindEnd() {
  auto counts = ForEachCpu<ov6_count>();
  for (uint32_t verdict = 0; verdict < OV6_VERDICT_MAX; ++verdict) {
    const int result = bpf_map_lookup_elem(own_.at("verdicts").get(), &verdict, counts.data());
    if (result < 0) return absl::ErrnoToStatus(-result, "reading the private counters");
    for (const ov6_count& count : counts) {
      if (count.packets > 0) return End{.verdict = verdict, .by_front = count.front > 0};
    }
  }
  return std::nullopt;
}

absl::StatusOr<TracedRun> KernelTracer::Run(const std::string& name, bool xdp, uint32_t ifindex,
                                            Frame frame) {
  const auto program = Program(name);
  if (!program.ok()) return program.status();
  if (auto status = Prepare(frame); !status.ok()) return status;
  TracedRun run{
      .program = name, .result = "", .verdict = {}, .frame = {}, .same_build = (*program)->same_build};
  run.frame.resize(frame.size() + kGrowth);
  xdp_md xdp_in{}, xdp_out{};
  xdp_in.data_end = static_cast<uint32_t>(frame.size());
  xdp_in.ingress_ifindex = ifindex;
  __sk_buff skb_in{};
  skb_in.ifindex = ifindex;
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = frame.data();
  options.data_size_in = static_cast<uint32_t>(frame.size());
  options.data_out = run.frame.data();
  options.data_size_out = static_cast<uint32_t>(run.frame.size());
  options.ctx_in = xdp ? static_cast<void*>(&xdp_in) : &skb_in;
  options.ctx_size_in = xdp ? sizeof(xdp_in) : sizeof(skb_in);
  if (xdp) {
    options.ctx_out = &xdp_out;
    options.ctx_size_out = sizeof(xdp_out);
  }
  options.repeat = 1;
  const int result = bpf_prog_test_run_opts((*program)->program, &options);
  if (result < 0) return RunError(-result, name);
  run.frame.resize(options.data_size_out);
  // What XDP hands on to TC lies in front of the frame.
  const auto meta = std::min<size_t>(xdp_out.data, run.frame.size());
  run.frame.erase(run.frame.begin(), run.frame.begin() + static_cast<ptrdiff_t>(meta));
  run.result = xdp ? XdpResult(options.retval) : TcResult(options.retval);
  const auto end = FindEnd();
  if (!end.ok()) return end.status();
  if (*end) run.verdict = (*end)->verdict, run.by_front = (*end)->by_front;
  return run;
}

// Each has a front of its own, and the packet comes to any of them: until one of them answers.
absl::StatusOr<TracedRun> KernelTracer::RunOnEachCpu(const std::string& program, bool xdp, uint32_t ifindex,
                                                     Frame frame) {
  cpu_set_t before;
  if (sched_getaffinity(0, sizeof(before), &before) != 0) return Run(program, xdp, ifindex, frame);
  absl::StatusOr<TracedRun> run = absl::InternalError("no CPU");
  for (size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &before)) continue;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    sched_setaffinity(0, sizeof(only), &only);
    run = Run(program, xdp, ifindex, frame);
    if (!run.ok() || run->by_front) break;
  }
  sched_setaffinity(0, sizeof(before), &before);
  return run;
}

// Interface numbers are a network namespace's own: the same one elsewhere is another device.
absl::Status CheckNamespace(uint32_t ifindex, const ov6_device& device) {
  const auto link = netlink::GetLink(ifindex);
  if (link.ok() && std::ranges::equal(link->mac, device.mac)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "device " + std::to_string(ifindex) +
      " of this network namespace is not the one that the datapath knows" +
      " under this number: run ov6ctl in ov6d's (nsenter --net), or restart ov6d if its MAC address changed");
}

absl::StatusOr<std::vector<TracedRun>> KernelTracer::Trace(uint32_t ifindex, const ov6_device& device,
                                                           Frame frame) {
  if (frame.size() < ETH_HLEN || frame.size() > kLargestFrame) {
    return absl::InvalidArgumentError("a frame of " + std::to_string(frame.size()) +
                                      " bytes cannot be traced: the kernel test-runs frames of " +
                                      std::to_string(ETH_HLEN) + " to " + std::to_string(kLargestFrame));
  }
  if ((device.flags & OV6_DEVICE_NO_LINK) != 0) {
    return absl::UnimplementedError(
        "the device has no Ethernet header, and the kernel test-runs only frames that have one");
  }
  if (auto status = CheckNamespace(ifindex, device); !status.ok()) return status;
  const std::string role = device.role == OV6_DEVICE_SITE ? "site" : "underlay";
  std::vector<TracedRun> runs;
  if ((device.flags & OV6_DEVICE_XDP_DOOR) != 0) {
    auto run = RunOnEachCpu("xdp_" + role, true, ifindex, frame);
    if (!run.ok()) return run.status();
    runs.push_back(*std::move(run));
    // Counted here: TC lets it pass. Not counted: TC does all of it.
    if (runs.back().verdict || runs.back().result != "pass") return runs;
  }
  auto run = RunOnEachCpu("tc_" + role, false, ifindex, frame);
  if (!run.ok()) return run.status();
  runs.push_back(*std::move(run));
  return runs;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PacketTracer>> OpenPacketTracer(const fs::path& bpffs) {
  RouteLibbpfLog();
  auto tracer = std::make_unique<KernelTracer>(bpffs);
  if (auto status = tracer->Open(); !status.ok()) return status;
  return tracer;
}

}  // namespace ov6
