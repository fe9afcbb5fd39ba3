// SPDX-License-Identifier: Apache-2.0
#include "tests/packet/packet_builder.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace ov6::packet {
namespace {

void Put16(Bytes& bytes, size_t at, uint16_t value) {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

void Append(Bytes& to, const Bytes& from) { to.insert(to.end(), from.begin(), from.end()); }

// So that a lost or swapped byte shows.
Bytes Pattern(size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; i++) bytes[i] = i * 7 + 1;
  return bytes;
}

}  // namespace

Bytes Address6(const std::string& text) {
  Bytes bytes(16);
  EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), bytes.data()), 1) << text;
  return bytes;
}

uint32_t Address4(const std::string& text) {
  in_addr address{};
  EXPECT_EQ(inet_pton(AF_INET, text.c_str(), &address), 1) << text;
  return address.s_addr;
}

uint16_t Checksum(const Bytes& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i++) sum += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum;
}

Frame::Frame(const Mac& to, const Mac& from) {
  Bytes& bytes = Add(Layer::kEthernet, 14).bytes;
  std::copy(to.begin(), to.end(), bytes.begin());
  std::copy(from.begin(), from.end(), bytes.begin() + 6);
}

Frame::Layer& Frame::Add(Layer::Kind kind, size_t size) {
  layers_.push_back({kind, Bytes(size)});
  return layers_.back();
}

Frame::Layer& Frame::Last(Layer::Kind kind) {
  auto it = std::find_if(layers_.rbegin(), layers_.rend(), [&](const Layer& l) { return l.kind == kind; });
  EXPECT_NE(it, layers_.rend());
  return *it;
}

Frame& Frame::Ip6(const std::string& from, const std::string& to) {
  Bytes& bytes = Add(Layer::kIp6, 8).bytes;
  bytes[0] = 0x60;
  bytes[7] = 64;
  Append(bytes, Address6(from));
  Append(bytes, Address6(to));
  return *this;
}

Frame& Frame::Ip4(const std::string& from, const std::string& to) {
  Bytes& bytes = Add(Layer::kIp4, 20).bytes;
  const uint32_t addresses[] = {Address4(from), Address4(to)};
  bytes[0] = 0x45;
  bytes[8] = 64;
  std::memcpy(&bytes[12], addresses, sizeof(addresses));
  return *this;
}

Frame& Frame::Udp(uint16_t from, uint16_t to, size_t payload) {
  Bytes& bytes = Add(Layer::kUdp, 8).bytes;
  Put16(bytes, 0, from);
  Put16(bytes, 2, to);
  Append(bytes, Pattern(payload));
  return *this;
}

Frame& Frame::Gue(uint16_t from, uint16_t to) {
  Bytes& bytes = Add(Layer::kGue, 8).bytes;
  Put16(bytes, 0, from);
  Put16(bytes, 2, to);
  return *this;
}

Frame& Frame::Tcp(uint16_t from, uint16_t to, size_t payload) {
  Bytes& bytes = Add(Layer::kTcp, 20).bytes;
  Put16(bytes, 0, from);
  Put16(bytes, 2, to);
  bytes[12] = 5 << 4;
  bytes[13] = 0x10;
  Append(bytes, Pattern(payload));
  return *this;
}

Frame& Frame::Echo(size_t payload) { return Icmp6(128, 0, 0x00010001, Pattern(payload)); }

Frame& Frame::Icmp4(uint8_t type, uint8_t code, uint32_t word, const Bytes& quote) {
  return Icmp(Layer::kIcmp4, type, code, word, quote);
}

Frame& Frame::Icmp6(uint8_t type, uint8_t code, uint32_t word, const Bytes& quote) {
  return Icmp(Layer::kIcmp6, type, code, word, quote);
}

Frame& Frame::Icmp(Layer::Kind kind, uint8_t type, uint8_t code, uint32_t word, const Bytes& quote) {
  Bytes& bytes = Add(kind, 8).bytes;
  bytes[0] = type;
  bytes[1] = code;
  Put16(bytes, 4, word >> 16);
  Put16(bytes, 6, word);
  Append(bytes, quote);
  return *this;
}

Frame& Frame::Extension(uint8_t type, size_t octets) {
  Layer& layer = Add(Layer::kExtension, octets * 8);
  layer.bytes[1] = octets - 1;
  layer.bytes[2] = 1;  // PadN over the rest
  layer.bytes[3] = octets * 8 - 4;
  layer.bytes.push_back(type);  // taken off by Link()
  return *this;
}

Frame& Frame::Raw(const Bytes& bytes) {
  Append(Add(Layer::kRaw, 0).bytes, bytes);
  return *this;
}

Frame& Frame::Port(const ov6_port_header& header) {
  std::memcpy(Add(Layer::kPort, sizeof(header)).bytes.data(), &header, sizeof(header));
  return *this;
}

Frame& Frame::HopLimit(uint8_t value) {
  Last(Layer::kIp6).bytes[7] = value;
  return *this;
}

Frame& Frame::Ecn(uint8_t value) {
  Layer& layer = layers_.back();
  if (layer.kind == Layer::kIp4)
    layer.bytes[1] = (layer.bytes[1] & 0xfc) | value;
  else
    Last(Layer::kIp6).bytes[1] |= value << 4;
  return *this;
}

Frame& Frame::Dscp(uint8_t value) {
  Layer& layer = layers_.back();
  if (layer.kind == Layer::kIp4) {
    layer.bytes[1] |= value << 2;
    return *this;
  }
  Bytes& bytes = Last(Layer::kIp6).bytes;
  bytes[0] |= value >> 2;
  bytes[1] |= value << 6;
  return *this;
}

Frame& Frame::Fragment(uint16_t flags_and_offset) {
  Put16(Last(Layer::kIp4).bytes, 6, flags_and_offset);
  return *this;
}

Frame& Frame::Options(size_t words) {
  Bytes& bytes = Last(Layer::kIp4).bytes;
  bytes[0] += words;
  bytes.insert(bytes.end(), words * 4, 1);  // NOP
  return *this;
}

Frame& Frame::Protocol(uint8_t value) {
  Layer& layer = layers_.back();
  layer.bytes[layer.kind == Layer::kIp6 ? 6 : 9] = value;
  layer.fixed_protocol = true;
  return *this;
}

Frame& Frame::EtherType(uint16_t value) {
  Put16(layers_[0].bytes, 12, value);
  layers_[0].fixed_protocol = true;
  return *this;
}

Frame& Frame::Patch(size_t offset, uint8_t value) {
  patches_.emplace_back(offset, value);
  return *this;
}

Frame& Frame::Cut(size_t length) {
  cut_ = length;
  return *this;
}

Frame& Frame::Pad(size_t length) {
  pad_ = length;
  return *this;
}

uint8_t Frame::ProtocolOf(const Layer& layer) {
  switch (layer.kind) {
    case Layer::kIp6:
      return 41;
    case Layer::kUdp:
    case Layer::kGue:
      return 17;
    case Layer::kTcp:
      return 6;
    case Layer::kIcmp6:
      return 58;
    case Layer::kIcmp4:
      return 1;
    case Layer::kExtension:
      return layer.bytes.back();
    default:
      return 59;
  }
}

// Each header names the next.
void Frame::Link(std::vector<Layer>& layers) const {
  static constexpr uint16_t kEtherTypes[] = {0, 0x86dd, 0x0800, 0, 0, 0, 0, 0, 0, OV6_ETH_P_PORT, 0};
  for (size_t i = 0; i < layers.size(); i++) {
    Layer& layer = layers[i];
    const bool last = i + 1 == layers.size();
    const uint8_t next = last ? 59 : ProtocolOf(layers[i + 1]);
    if (layer.fixed_protocol) continue;
    if (layer.kind == Layer::kEthernet && !last) Put16(layer.bytes, 12, kEtherTypes[layers[i + 1].kind]);
    if (layer.kind == Layer::kIp6) layer.bytes[6] = next;
    if (layer.kind == Layer::kIp4) layer.bytes[9] = next;
    if (layer.kind == Layer::kExtension) layer.bytes[0] = next;
  }
  for (Layer& layer : layers)
    if (layer.kind == Layer::kExtension) layer.bytes.pop_back();
}

// Lengths and checksums, from the inside out.
void Frame::Finish(std::vector<Layer>& layers) const {
  Bytes behind;
  for (size_t i = layers.size(); i-- > 0;) {
    Layer& layer = layers[i];
    const size_t length = layer.bytes.size() + behind.size();
    if (layer.kind == Layer::kIp6) Put16(layer.bytes, 4, behind.size());
    if (layer.kind == Layer::kUdp || layer.kind == Layer::kGue) Put16(layer.bytes, 4, length);
    if (layer.kind == Layer::kIp4) {
      Put16(layer.bytes, 2, length);
      Put16(layer.bytes, 10, Checksum(layer.bytes));
    }
    if (layer.kind == Layer::kIcmp4) Put16(layer.bytes, 2, Checksum(layer.bytes));
    const size_t field = layer.kind == Layer::kUdp ? 6 : layer.kind == Layer::kTcp ? 16 : 2;
    const bool over_ip6 = i > 0 && layers[i - 1].kind == Layer::kIp6;
    if (over_ip6 && (layer.kind == Layer::kUdp || layer.kind == Layer::kTcp || layer.kind == Layer::kIcmp6)) {
      Bytes pseudo(layers[i - 1].bytes.begin() + 8, layers[i - 1].bytes.begin() + 40);
      pseudo.insert(pseudo.end(), {0, 0, uint8_t(length >> 8), uint8_t(length), 0, 0, 0, ProtocolOf(layer)});
      Append(pseudo, layer.bytes);
      Append(pseudo, behind);
      Put16(layer.bytes, field, Checksum(pseudo));
    }
    Bytes whole = layer.bytes;
    Append(whole, behind);
    behind = whole;
  }
}

Bytes Frame::Done() const {
  std::vector<Layer> layers = layers_;
  Link(layers);
  Finish(layers);
  Bytes bytes;
  for (const Layer& layer : layers) Append(bytes, layer.bytes);
  if (pad_ > bytes.size()) bytes.resize(pad_);
  if (cut_ != 0) bytes.resize(cut_);
  for (const auto& [offset, value] : patches_) bytes[offset] = value;
  return bytes;
}

}  // namespace ov6::packet
