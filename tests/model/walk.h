// SPDX-License-Identifier: Apache-2.0
// One packet on its way through the router. The rules stand in the .cc files, a room each:
// doors.cc (what is taken in at all), site.cc, underlay.cc, slave.cc (where it goes), send.cc (how).
#ifndef OV6_TESTS_MODEL_WALK_H
#define OV6_TESTS_MODEL_WALK_H

#include "tests/model/headers.h"
#include "tests/model/model.h"

namespace ov6::model {

// "::" and ::1, IPv4 inside IPv6, link-local, multicast: never in a tunnel (RFC 4213 section 3.6).
bool IsMartian(const Ipv6& address);
bool EmbedsIp4(const Ipv6& address);  // ::/96, ::ffff:0:0/96
bool IsLinkLocal(const Ipv6& address);
bool IsMulticast(const Ipv6& address);

// RFC 4443 section 3
enum : uint8_t { kUnreachable = 1, kPacketTooBig = 2, kTimeExceeded = 3 };

// The best stands first. A direct path whose peer has not answered since its soft expiry is none; or null.
const ov6_locator* BestLocator(const ov6_mapping& mapping, uint64_t now, bool around = false);
// `port`: of UDP, where it came from.
bool HasLocator(const ov6_mapping& mapping, const Ipv4& address, uint16_t port);

// What an ICMPv4 error says: about which tunnel packet, and how much of it.
struct Quote {
  uint8_t type, code;
  uint16_t mtu;         // RFC 1191; 0: not said
  Ip4Header ip{};       // outer
  size_t overhead = 0;  // bytes of outer headers
  View inner{};         // the IPv6 packet, as far as it was quoted
  bool udp = false;
  uint16_t port = 0, datagram = 0;  // UDP's destination and length
  std::optional<Ip6Header> ip6{};

  // Nullopt if it quotes no packet in a tunnel from our address, by UDP from our tunnel port or a flow's.
  static std::optional<Quote> Read(View message, Ipv4 ours, uint16_t port);
};

class Walk {
 public:
  Walk(Tables& tables, const Kernel& kernel, const Arrival& arrival);
  Outcome Go();

 private:
  enum class Origin { kSite, kUnderlay, kSlave };
  // An ICMPv6 error in the making; `otherwise` is the verdict where none is sent.
  struct Error {
    uint8_t type, code;
    uint32_t mtu;
    ov6_verdict verdict, otherwise;
  };

  // doors.cc
  Outcome SiteDoor();
  Outcome UnderlayDoor();
  Outcome PortDoor();
  Outcome FarEnd();
  bool Enabled() const;
  std::optional<ov6_verdict> NotForUs(const ov6_device& device, uint16_t ether_type) const;
  std::optional<ov6_verdict> TakeIp6(size_t available);
  std::optional<ov6_verdict> TakeOuter(const ov6_device& device);
  std::optional<ov6_verdict> TakeUdp(const Ip4Header& outer);

  // site.cc
  Outcome FromSite();
  bool MaySendFromHere(const Ipv6& source) const;
  ov6_mapping* TunnelFor(const ov6_route& route);
  Outcome ByMiss(const ov6_route& route);
  Outcome ByPort(const ov6_route& route);

  // underlay.cc
  Outcome FromUnderlay();
  std::optional<ov6_verdict> GoesNowhere(const ov6_route* route) const;
  std::optional<Outcome> Verify(const ov6_route* source, const ov6_route& to);
  bool IsKnownSource();
  bool ComesFromFormerPlace();
  Outcome Relay(const ov6_route& route, ov6_mapping& mapping);

  // icmp4.cc
  Outcome IcmpFromUnderlay(const ov6_device& device, const Ip4Header& ip);
  Outcome FragmentationNeeded(const Quote& quote);
  Outcome UnreachableByIp4(const Quote& quote);
  bool LengthsFit(const Quote& quote);
  bool CanHaveBeenSent(const Quote& quote);
  bool IsOfOurSite(const Quote& quote);
  Outcome PassOn(const Quote& quote, const Error& error);

  // slave.cc
  Outcome FromSlave();
  Outcome ResubmitOut();
  Outcome ResubmitIn();
  Outcome DeliverOnly();
  bool SlaveOwns(const Ipv6& address);

  // send.cc
  Outcome Drop(ov6_verdict verdict) const;
  Outcome ToStack(ov6_verdict verdict) const;
  Outcome ToStackStripped(ov6_verdict verdict) const;
  Outcome Finish() const;
  Outcome Deliver(ov6_verdict verdict);
  Outcome Tunnel(ov6_mapping& mapping, const ov6_route* relay = nullptr);
  // A way to a locator: the next hop and how the outer packet must be made.
  struct Way {
    ov6_locator locator;
    Ipv4 source;
    uint16_t source_port = 0;  // of UDP; 0: any of the flow's
    NextHop hop;
    uint32_t overhead;  // bytes of outer headers
    uint32_t device_mtu, path_mtu;
    bool fragmentable;      // without "don't fragment"
    bool by_stack = false;  // bigger than our own link: the kernel fragments and sends it, by ov6-self
  };
  std::optional<ov6_verdict> FindWay(const ov6_locator& locator, Way& way);
  Outcome Encapsulate(ov6_verdict verdict, const Way& way, Bytes packet) const;
  Outcome PuntByRoute(const ov6_route& route);
  bool Carries(const NextHop& hop);
  Outcome Carry(ov6_verdict verdict, const NextHop& hop);
  Bytes PortFrame(const ov6_port_header& header, const Bytes& packet) const;
  // `carried`: the slave sends it on itself, and no budget counts it.
  Outcome Punt(uint32_t slave, ov6_punt_reason reason, bool carried = false);
  std::optional<ov6_verdict> SpendPunt(ov6_punt_reason reason);
  bool SpendError();
  Outcome Unreachable(uint8_t code, ov6_verdict otherwise);
  Outcome TooBig(uint32_t mtu);
  Outcome TimeExceeded();
  Outcome Answer(const Error& error);
  Outcome AnswerSite(const Error& error, const Ipv6& source);
  Outcome AnswerSelf(const Error& error, const Ipv6& source);
  Outcome AnswerTunnel(const Error& error, const Ipv6& source);
  bool MayBeAnswered() const;
  std::optional<Ipv6> ErrorSource();
  Bytes ErrorPacket(const Error& error, const Ipv6& source) const;
  bool Used(ov6_mapping& mapping, const Ipv6& address);
  void Relayed(const ov6_route& route);
  bool MaySpeak(ov6_mapping& mapping) const;
  uint32_t Mtu(const NextHop& hop);
  bool CanSend(const NextHop& hop);
  bool CanSend(const Way& way);
  const ov6_device* Self() const;
  Bytes SelfFrame(uint16_t type) const;
  bool IsUnderlayOrPort(uint32_t device);
  Outcome Send(ov6_verdict verdict, const NextHop& hop, uint16_t ether_type, Bytes packet) const;
  bool SpendStation(ov6_bucket_purpose purpose, uint32_t rate, uint32_t burst);
  bool Spend(const BucketKey& key, uint32_t rate, uint32_t burst);
  BucketKey KeyFor(ov6_bucket_purpose purpose) const;

  Tables& tables_;
  const Kernel& kernel_;
  const Arrival& in_;

  // What the doors found.
  Bytes ethernet_;  // its header
  Bytes packet_;    // what follows; without its outer headers, once they are read
  Bytes outer_;     // those
  Ip6Header ip6_{};
  Origin origin_ = Origin::kSite;
  uint32_t ingress_ = 0;
  size_t counted_ = 0;
  size_t size_ = 0;  // of the IPv6 packet, with what the frame holds behind it
  Ipv4 outer_source_;
  uint16_t outer_port_ = 0;  // of UDP
  uint8_t outer_ecn_ = 0;
  std::optional<ov6_port_header> header_;  // a slave brought it
  // And it has been to one: what ov6d brings without a reason (out of fragments) comes for the first time.
  bool WasAsked() const { return header_ && (header_->port != 0 || header_->reason != 0); }

  bool spoken_ = false;  // of the source's mapping, for its second
  bool around_ = false;  // a direct path
  bool quoted_ = false;  // packet_ was only quoted to us by an ICMPv4 error

  Changes changes_;
};

}  // namespace ov6::model

#endif
