// SPDX-License-Identifier: Apache-2.0
// Random registries, sparse and dense, nested, of any length, with full keys: the keys
// asked at once give the answer of bit zeroing, and both the naive longest match's;
// installed as the kernel would have it, no answer hides a longer record.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

#include "slaves/engine/resolver/resolver.h"
#include "tests/sim/registry.h"

namespace ov6::sim {
namespace {

struct Shape {
  const char* domain;
  int aggregate;
  std::vector<int> aggregates;
  std::vector<int> lengths;
};

const Shape kShapes[] = {
    {"fd00::/8", 48, {}, {48}},
    {"fd00::/8", 48, {}, {48, 49, 52, 56, 64, 127, 128}},
    {"fd00::/8", 48, {56, 64}, {12, 48, 56, 60, 64, 80, 128}},
    {"2001:db8::/32", 48, {}, {33, 36, 40, 44, 47, 48, 50, 64, 128}},
    {"2001:db8::/32", 40, {36, 128}, {32, 36, 38, 40, 64, 128}},
    {"2001:db8:1::/48", 48, {}, {48, 56, 64, 96}},
    {"2001:db8:1::/48", 64, {}, {50, 52, 60, 62}},  // none with a registered aggregate
    {"::/0", 48, {}, {0, 1, 3, 8, 16, 32, 47, 48, 49, 64, 100, 127, 128}},
};

// Addresses with few bits set where it matters, so that they meet each other.
Ipv6 AddressIn(const Prefix& within, int density) {
  Ipv6 address = within.address;
  for (int bit = within.length; bit < 128; ++bit) {
    const bool busy = bit < within.length + 6 || (bit >= 44 && bit < 58) || bit > 120;
    if (*rc::gen::inRange(0, busy ? 2 : density) == 0)
      address.bytes[bit / 8] |= static_cast<uint8_t>(0x80 >> (bit % 8));
  }
  return address;
}

Registry AnyRegistry() {
  const Shape& shape = kShapes[*rc::gen::inRange<size_t>(0, std::size(kShapes))];
  Domain domain = OpenDomain(shape.domain, shape.aggregate);
  domain.aggregates = shape.aggregates;
  Registry registry(domain);
  registry.capacity = *rc::gen::element<size_t>(2, 5, 8);
  const int count = *rc::gen::element(3, 30, 120);
  const int density = *rc::gen::element(4, 12, 1000);
  for (int i = 0; i < count; ++i) {
    const int length = shape.lengths[*rc::gen::inRange<size_t>(0, shape.lengths.size())];
    // In the open, or beneath or around another: few bits apart.
    const bool nested = i > 0 && *rc::gen::inRange(0, 2) == 0;
    Ipv6 address = AddressIn(domain.prefix, density);
    if (nested) {
      auto other = std::next(registry.prefixes().begin(),
                             *rc::gen::inRange<long>(0, static_cast<long>(registry.prefixes().size())));
      address = AddressIn(*other, 1000);
    }
    registry.Add(Prefix::Of(address, length));
  }
  return registry;
}

Ipv6 AnyDestination(const Registry& registry) {
  if (registry.prefixes().empty() || *rc::gen::inRange(0, 4) == 0)
    return AddressIn(registry.domain().prefix, 12);
  const auto near = std::next(registry.prefixes().begin(),
                              *rc::gen::inRange<long>(0, static_cast<long>(registry.prefixes().size())));
  return AddressIn(*near, *rc::gen::element(6, 1000));
}

Resolver Make(const Registry& registry, Domain::Resolving resolving, int max_messages) {
  ResolverConfig config;
  config.domain = registry.domain();
  config.domain.resolving = resolving;
  config.max_messages = max_messages;
  return Resolver(config);
}

// What the kernel holds: the longest mapping counts; negatives only where there is none.
class Kernel {
 public:
  void Install(const ResolveOutput& output) {
    if (output.outcome != ResolveOutcome::kFound) {
      negatives_.insert(output.covering);
      return;
    }
    mappings_[output.covering] = output.records.front().prefix;
    for (size_t i = 1; i < output.records.size(); ++i)
      mappings_[output.records[i].prefix] = output.records[i].prefix;
  }
  // The record whose locators a packet would go to.
  std::optional<Prefix> Mapping(const Ipv6& address) const {
    for (int length = 128; length >= 0; --length) {
      const auto it = mappings_.find(Prefix::Of(address, length));
      if (it != mappings_.end()) return it->second;
    }
    return std::nullopt;
  }
  bool Negative(const Ipv6& address) const {
    for (int length = 128; length >= 0; --length) {
      if (negatives_.contains(Prefix::Of(address, length))) return true;
    }
    return false;
  }

 private:
  std::map<Prefix, Prefix> mappings_;
  std::set<Prefix> negatives_;
};

std::optional<Prefix> FoundBy(const ResolveOutput& output) {
  if (output.outcome != ResolveOutcome::kFound) return std::nullopt;
  return output.records.front().prefix;
}

struct Tested {
  uint64_t destinations = 0, misses = 0, zeroed = 0;
  uint64_t messages = 0, zeroing_messages = 0;
} tested;

void ResolveBoth(Registry* registry, Resolver* at_once, Resolver* zeroing, const Ipv6& address,
                 Kernel* kernel) {
  const std::optional<Prefix> naive = registry->Longest(address);
  const ResolveOutput output = registry->Resolve(at_once, address);
  RC_ASSERT(output.outcome != ResolveOutcome::kUnreachable);
  RC_ASSERT(output.covering.Contains(address));
  RC_ASSERT(FoundBy(output) == naive);
  ++tested.misses;
  tested.messages += output.messages;
  kernel->Install(output);
  if (tested.misses % 3 != 0) return;
  const ResolveOutput slow = registry->Resolve(zeroing, address, {.force = true});
  RC_ASSERT(FoundBy(slow) == naive);
  ++tested.zeroed;
  tested.zeroing_messages += slow.messages;
}

TEST(AnyRegistry, TheKernelSendsWhereTheLongestMatchSays) {
  tested = {};
  const bool held = rc::check([] {
    Registry registry = AnyRegistry();
    Resolver at_once = Make(registry, Domain::Resolving::kAggregates, 1 << 20);
    Resolver zeroing = Make(registry, Domain::Resolving::kZeroing, 1 << 20);
    Kernel kernel;
    for (int i = 0; i < 1000; ++i) {
      const Ipv6 address = AnyDestination(registry);
      ++tested.destinations;
      if (!kernel.Mapping(address) && !kernel.Negative(address))
        ResolveBoth(&registry, &at_once, &zeroing, address, &kernel);
      RC_ASSERT(kernel.Mapping(address) == registry.Longest(address));
    }
  });
  EXPECT_TRUE(held);
  EXPECT_GE(tested.destinations, 100'000u);
  RecordProperty("destinations", static_cast<int>(tested.destinations));
  std::printf("%lu destinations, %lu misses of %.1f messages; %lu of them zeroed for %.1f\n",
              tested.destinations, tested.misses, double(tested.messages) / double(tested.misses),
              tested.zeroed, double(tested.zeroing_messages) / double(tested.zeroed));
}

// Whatever the registry: within the budget, and never a wrong answer.
TEST(AnyRegistry, ALookupKeepsToItsBudget) {
  EXPECT_TRUE(rc::check([] {
    Registry registry = AnyRegistry();
    Resolver resolver = Make(registry, Domain::Resolving::kAggregates, 40);
    for (int i = 0; i < 20; ++i) {
      const Ipv6 address = AnyDestination(registry);
      const ResolveOutput output = registry.Resolve(&resolver, address);
      RC_ASSERT(output.messages <= 40);
      if (output.outcome != ResolveOutcome::kUnreachable)
        RC_ASSERT(FoundBy(output) == registry.Longest(address));
    }
  }));
}

}  // namespace
}  // namespace ov6::sim
