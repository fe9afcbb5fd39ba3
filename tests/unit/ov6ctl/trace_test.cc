// SPDX-License-Identifier: Apache-2.0
// `ov6ctl trace`: which packet its words make, and what it says of a run.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "tests/unit/ov6ctl/fakes.h"
#include "userspace/ov6ctl/frame_text.h"

namespace ov6::ctl {
namespace {

class TraceTest : public CommandTest {
 protected:
  TraceTest() {
    ov6_device site{};
    site.role = OV6_DEVICE_SITE;
    site.mtu = 1500;
    site.mac[5] = 9;
    const auto own = *Ipv6::Parse("fd12:0:0:1::1");
    std::copy(own.bytes.begin(), own.bytes.end(), site.icmp_source);
    kernel.devices.push_back({4, site});
    kernel.interfaces[4] = "eth1";
    kernel.tables->SetRoute(P("fd12:0:0:1::/64"), {.slave = 0, .action = Action::kSite}).IgnoreError();
    kernel.traced.runs = {Ended("tc_site", "redirect", OV6_VERDICT_TUNNEL)};
  }

  static TracedRun Ended(const char* program, const char* result, uint32_t verdict) {
    return {.program = program, .result = result, .verdict = verdict, .frame = {}};
  }
  std::string Seen() { return ReadFrame(kernel.traced.seen.back()).text; }
};

TEST_F(TraceTest, WordsMakeThePacket) {
  const struct {
    std::vector<std::string> words;
    uint32_t ifindex;
    const char* frame;
  } rows[] = {
      {{"fd13::7"},
       4,
       "02:00:00:00:00:01 > 00:00:00:00:00:09 | ipv6 fd12:0:0:1::6f76 > fd13::7 hlim 64 104 bytes | "
       "icmp6 echo request"},
      {{"dst", "fd13::7", "src", "2001:db8::1", "proto", "tcp", "sport", "1", "dport", "443", "hlim", "1",
        "size", "1500"},
       4,
       "02:00:00:00:00:01 > 00:00:00:00:00:09 | ipv6 2001:db8::1 > fd13::7 hlim 1 1500 bytes | "
       "tcp 1 > 443 syn"},
      {{"src", "fd13::7", "in", "eth0"},
       3,
       "02:00:00:00:00:01 > 02:00:00:00:00:00 | ipv4 198.51.100.2 > 198.51.100.1 ttl 64 df 124 bytes | "
       "ipv6 fd13::7 > fd12:0:0:1::6f76 hlim 64 104 bytes | icmp6 echo request"},
      {{"src", "fd13::7", "dst", "fd12:0:0:1::2", "outer", "203.0.113.9", "encap", "udp", "proto", "udp"},
       3,
       "02:00:00:00:00:01 > 02:00:00:00:00:00 | ipv4 203.0.113.9 > 198.51.100.1 ttl 64 df 132 bytes | "
       "udp 49152 > 6080 | ipv6 fd13::7 > fd12:0:0:1::2 hlim 64 104 bytes | udp 49152 > 7"}};
  kernel.devices[0].second.udp_port = __builtin_bswap16(OV6_UDP_PORT);
  for (const auto& row : rows) {
    ASSERT_EQ(Do([&] {
                auto words = row.words;
                words.insert(words.begin(), "trace");
                return words;
              }()),
              0)
        << err.str();
    EXPECT_EQ(kernel.traced.ifindex, row.ifindex);
    EXPECT_EQ(Seen(), row.frame);
  }
}

TEST_F(TraceTest, WordsThatSayTooLittle) {
  EXPECT_EQ(Do({"trace"}), 255);
  EXPECT_EQ(Do({"trace", "fd13::7", "colour", "red"}), 255);
  EXPECT_EQ(Do({"trace", "fd13::7", "size", "47"}), 255);
  EXPECT_EQ(Do({"trace", "fd13::7", "in", "eth7"}), 1);
  EXPECT_EQ(err.str(), "ov6ctl: there is no door at eth7; doors are at: eth0, eth1\n");
  EXPECT_EQ(Do({"trace", "src", "fd55::1", "in", "eth0"}), 255);
  EXPECT_EQ(err.str(), "ov6ctl: 'outer IPV4' is missing: no mapping says where fd55::1 sends from\n");
  EXPECT_EQ(Do({"trace", "fd13::7", "outer", "203.0.113.9", "in", "eth1"}), 255);
  EXPECT_EQ(Do({"trace", "fd13::7", "pcap", "x"}), 255);
}

TEST_F(TraceTest, AnotherNetworkNamespaceIsSaid) {
  kernel.interfaces.clear();
  EXPECT_EQ(Do({"trace", "fd13::7"}), 2);
  EXPECT_EQ(err.str(),
            "ov6ctl: the datapath's devices are not in this network namespace; run ov6ctl in ov6d's\n");
}

TEST_F(TraceTest, SaysWhatTheTablesAndTheProgramsSay) {
  EXPECT_EQ(Do({"trace", "fd13:0:0:1::7"}), 0);
  EXPECT_EQ(
      out.str(),
      "in eth1 (site, door tc) 118 bytes\n"
      "  02:00:00:00:00:01 > 00:00:00:00:00:09 | ipv6 fd12:0:0:1::6f76 > fd13:0:0:1::7 hlim 64 104 "
      "bytes | icmp6 echo request\n"
      "source fd12:0:0:1::6f76\n"
      "  route fd12:0:0:1::/64 site slave operator\n"
      "destination fd13:0:0:1::7\n"
      "  route fd00::/8 tunnel slave chord\n"
      "  mapping fd13:0:0:1::/64 via 198.51.100.3 encap udp port 6080 priority 1 slave operator static\n"
      "tc_site: redirect, by the tables, TUNNEL (forward)\n"
      "  encapsulated and sent to a locator\n"
      "  unchanged\n");
}

TEST_F(TraceTest, SaysWhichLevelAnswered) {
  kernel.traced.runs = {Ended("xdp_site", "redirect", OV6_VERDICT_TUNNEL)};
  EXPECT_EQ(Do({"trace", "fd13:0:0:1::7"}), 0);
  EXPECT_THAT(out.str(), testing::HasSubstr("xdp_site: redirect, by the tables, TUNNEL (forward)\n"));
  kernel.traced.runs[0].by_front = true;
  EXPECT_EQ(Do({"trace", "fd13:0:0:1::7"}), 0);
  EXPECT_THAT(out.str(), testing::HasSubstr("xdp_site: redirect, by the front, TUNNEL (forward)\n"));
}

TEST_F(TraceTest, ADropHasARemedyAndNoBytes) {
  kernel.traced.runs = {{.program = "xdp_site", .result = "pass", .verdict = {}, .frame = {}},
                        Ended("tc_site", "drop", OV6_VERDICT_DROP_NO_ROUTE)};
  EXPECT_EQ(Do({"trace", "fd99::1"}), 0);
  const std::string tail = out.str().substr(out.str().find("destination"));
  EXPECT_EQ(tail,
            "destination fd99::1\n"
            "  route fd00::/8 tunnel slave chord\n"
            "  negative fd99::/48 absent code 3 ttl 5 slave chord\n"
            "xdp_site: pass, handed on to tc\n"
            "tc_site: drop, by the tables, DROP_NO_ROUTE (drop)\n"
            "  no route covers the destination\n"
            "  to do: \"ov6ctl route show\": normally the management slave holds ::/0\n");
}

TEST_F(TraceTest, Json) {
  kernel.traced.runs[0].frame = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0x08, 0x00};
  const auto trace = Json({"trace", "fd13::7"});
  EXPECT_EQ(trace.at("in").at("interface").as_string(), "eth1");
  EXPECT_EQ(trace.at("destination").at("mapping").at("prefix").as_string(), "fd13::/48");
  const auto& run = trace.at("runs").at(0);
  EXPECT_EQ(run.at("verdict").at("name").as_string(), "TUNNEL");
  EXPECT_EQ(run.at("out").as_string(), "eth0");  // whose address the frame leaves from
  EXPECT_EQ(run.at("frame").at("hex").as_string(), "0200000000010200000000000800");
  EXPECT_TRUE(run.at("changed").as_bool());
}

TEST_F(TraceTest, AnotherBuildIsSaid) {
  kernel.traced.runs[0].same_build = false;
  EXPECT_EQ(Do({"trace", "fd13::7"}), 0);
  EXPECT_EQ(err.str(), "# this ov6ctl's tc_site is of another build than ov6d's: results may differ\n");
}

// --- captures ------------------------------------------------------------------------

class Capture {
 public:
  explicit Capture(uint32_t link, bool big_endian = false) : big_(big_endian) {
    path_ = std::filesystem::path(testing::TempDir()) /
            fmt::format("ov6-trace-{}-{}", getpid(), reinterpret_cast<uintptr_t>(this));
    Word(0xa1b2c3d4);
    for (const uint32_t word : {0x00040002u, 0u, 0u, 65535u, link}) Word(word);
  }
  ~Capture() { std::filesystem::remove(path_); }
  Capture& Add(const std::vector<uint8_t>& bytes, uint32_t original) {
    for (const uint32_t word : {0u, 0u, static_cast<uint32_t>(bytes.size()), original}) Word(word);
    text_.append(bytes.begin(), bytes.end());
    return *this;
  }
  std::string Write() {
    std::ofstream(path_, std::ios::binary) << text_;
    return path_;
  }
  std::string text_;

 private:
  void Word(uint32_t word) {
    if (big_) word = __builtin_bswap32(word);
    text_.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  std::filesystem::path path_;
  bool big_;
};

std::vector<uint8_t> Ip6Packet() {
  std::vector<uint8_t> bytes(40);
  bytes[0] = 0x60;
  bytes[6] = 59;
  bytes[23] = 1;
  bytes[24] = 0xfd, bytes[25] = 0x13;
  return bytes;
}

TEST_F(TraceTest, EveryPacketOfACapture) {
  for (const bool big_endian : {false, true}) {
    Capture capture(101, big_endian);  // without Ethernet headers
    capture.Add(Ip6Packet(), 40).Add(Ip6Packet(), 99);
    kernel.traced.seen.clear();
    const auto traces = Json({"trace", "pcap", capture.Write()});
    ASSERT_EQ(traces.as_array().size(), 2u);
    EXPECT_EQ(traces.at(1).at("number").as_int64(), 2);
    EXPECT_EQ(err.str(), "# packet 2: the capture has 40 of its 99 bytes\n");
    EXPECT_EQ(Seen(), "02:00:00:00:00:01 > 00:00:00:00:00:09 | ipv6 ::1 > fd13:: hlim 0 40 bytes | nothing");
    EXPECT_EQ(traces.at(0).at("destination").at("mapping").at("prefix").as_string(), "fd13::/48");
  }
}

TEST_F(TraceTest, FilesThatAreNoCapture) {
  Capture cut(1), other(195);
  cut.Add(Ip6Packet(), 40);
  cut.text_.pop_back();
  EXPECT_EQ(Do({"trace", "pcap", cut.Write()}), 2);
  EXPECT_NE(err.str().find("ends in the middle of a packet"), std::string::npos);
  EXPECT_EQ(Do({"trace", "pcap", other.Write()}), 2);
  EXPECT_NE(err.str().find("link type 195"), std::string::npos);
  cut.text_.replace(0, 4, "\x0a\x0d\x0d\x0a");
  EXPECT_EQ(Do({"trace", "pcap", cut.Write()}), 2);
  EXPECT_NE(err.str().find("pcapng"), std::string::npos);
  EXPECT_EQ(Do({"trace", "pcap", "/nowhere/x.pcap"}), 2);
}

// --- frames in words -----------------------------------------------------------------

TEST(FrameText, NothingIsTooShort) {
  const std::vector<uint8_t> frame = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60};
  EXPECT_EQ(ReadFrame({}).text, "ethernet (cut short)");
  EXPECT_EQ(ReadFrame(frame).text, "02:00:00:00:00:02 > 02:00:00:00:00:01 | ipv6 (cut short)");
  EXPECT_FALSE(ReadFrame(frame).source.has_value());
}

TEST(FrameText, HexDump) {
  std::vector<uint8_t> bytes(17, 'A');
  bytes[1] = 0;
  EXPECT_EQ(HexDump(bytes, "  "),
            "  0000  41 00 41 41 41 41 41 41 41 41 41 41 41 41 41 41  A.AAAAAAAAAAAAAA\n"
            "  0010  41                                               A\n");
}

}  // namespace
}  // namespace ov6::ctl
