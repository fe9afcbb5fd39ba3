// SPDX-License-Identifier: Apache-2.0
// `ov6ctl delegate`: says that another router's key may claim a prefix. Signed by the node's key, which
// only the daemon has, or offline by a key in a directory.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "userspace/base/files.h"
#include "userspace/ov6ctl/exit_code.h"
#include "userspace/ov6ctl/json_text.h"
#include "userspace/ov6ctl/objects.h"
#include "userspace/wire/node_key.h"
#include "userspace/wire/ownership.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;

constexpr int64_t kDay = 24 * 3600;
constexpr int64_t kDefaultLifetime = 30 * kDay;
constexpr int64_t kLongestLifetime = 10 * 365 * kDay;

struct Order {
  Prefix prefix;
  PublicKey to{};
  std::optional<uint32_t> max_length;
  int64_t lifetime = kDefaultLifetime;  // seconds
  std::string key, domain, under, out;  // offline: directory of the key, name of the domain, file of a token
};

// "90", "90s", "15m", "12h", "30d", "1y".
absl::StatusOr<int64_t> ToSeconds(const std::string& word) {
  constexpr std::pair<char, int64_t> kUnits[] = {
      {'s', 1}, {'m', 60}, {'h', 3600}, {'d', kDay}, {'y', 365 * kDay}};
  int64_t unit = 1;
  std::string digits = word;
  for (const auto& [letter, seconds] : kUnits) {
    if (!word.ends_with(letter)) continue;
    unit = seconds;
    digits.pop_back();
  }
  uint32_t value = 0;
  const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = error == std::errc() && at == digits.data() + digits.size();
  if (whole && value > 0 && value <= kLongestLifetime / unit) return value * unit;
  return Usage(fmt::format("'{}' is no lifetime: a number with s, m, h, d or y, ten years at most", word));
}

absl::Status TakeKey(Words& words, Order* order) {
  const auto word = words.Need("the key of who is to have it");
  if (!word.ok()) return word.status();
  const auto bytes = FromHex(*word);
  if (!bytes.ok() || bytes->size() != order->to.size())
    return Usage(fmt::format("'{}' is no public key: 64 hexadecimal digits, as 'ov6ctl key' prints", *word));
  std::copy(bytes->begin(), bytes->end(), order->to.begin());
  return absl::OkStatus();
}

absl::Status TakeMaxLength(Words& words, Order* order) {
  const auto number = words.NeedNumber("maxlen", 128);
  if (!number.ok()) return number.status();
  order->max_length = *number;
  if (static_cast<int>(*number) >= order->prefix.length) return absl::OkStatus();
  return Usage(fmt::format("maxlen {} is shorter than {}", *number, order->prefix.ToString()));
}

absl::Status TakeLifetime(Words& words, Order* order) {
  const auto word = words.Need("a lifetime, as 30d,");
  if (!word.ok()) return word.status();
  const auto seconds = ToSeconds(*word);
  if (seconds.ok()) order->lifetime = *seconds;
  return seconds.status();
}

template <std::string Order::*member>
absl::Status TakeText(Words& words, Order* order) {
  const auto word = words.Need("a name");
  if (word.ok()) order->*member = *word;
  return word.status();
}

struct Part {
  std::string_view name;
  absl::Status (*take)(Words& words, Order* order);
};
constexpr Part kParts[] = {{"to", TakeKey},
                           {"maxlen", TakeMaxLength},
                           {"lifetime", TakeLifetime},
                           {"key", TakeText<&Order::key>},
                           {"domain", TakeText<&Order::domain>},
                           {"under", TakeText<&Order::under>},
                           {"file", TakeText<&Order::out>}};

absl::StatusOr<Order> ReadOrder(Words& words) {
  Order order;
  const auto prefix = words.NeedPrefix();
  if (!prefix.ok()) return prefix.status();
  order.prefix = *prefix;
  bool to = false;
  while (const auto word = words.Next()) {
    const auto part = ChooseByName(kParts, *word, "part of a delegation");
    if (!part.ok()) return part.status();
    if (absl::Status status = kParts[*part].take(words, &order); !status.ok()) return status;
    to = to || kParts[*part].name == "to";
  }
  if (!to) return Usage("'to KEY' is missing: the public key of the router that is to have the prefix");
  if (!order.key.empty() && order.domain.empty() && order.under.empty())
    return Usage("'domain NAME' is missing: offline nothing says in which domain the prefix lies");
  if (order.key.empty() && (!order.domain.empty() || !order.under.empty()))
    return Usage("'domain' and 'under' are for 'key DIRECTORY'; the daemon knows both by itself");
  return order;
}

// What the key in the directory may hand on: what it was delegated itself, or its own.
absl::StatusOr<DelegationToken> RightOf(const Order& order, const NodeKey& key) {
  if (order.under.empty())
    return DelegationToken{order.domain, key.key.public_key(), key.modifier, key.security(), {}};
  const auto text = ReadFile(order.under);
  if (!text.ok()) return Refused(std::string(text.status().message()));
  const auto lines = TokenLines(*text);
  if (lines.size() != 1) return Refused(order.under + ": it should hold one delegation");
  auto held = DecodeToken(lines.front().second);
  if (!held.ok()) return Refused(order.under + ": " + std::string(held.status().message()));
  if (held->chain.back().subject != key.key.public_key())
    return Refused(order.under + ": this delegation is not to the key in " + order.key);
  if (held->chain.size() < kMaxLinks) return held;
  return Refused(fmt::format("{}: this was handed on {} times already, and may not be once more", order.under,
                             kMaxLinks));
}

absl::StatusOr<json::value> SignHere(const Order& order) {
  const auto key = LoadNodeKey(order.key);
  if (!key.ok()) return Refused(std::string(key.status().message()));
  auto right = RightOf(order, *key);
  if (!right.ok()) return right.status();
  Delegation link{order.prefix, 128, order.to, {}, {}, {}};
  link.not_before = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  link.expiry = link.not_before + std::chrono::seconds(order.lifetime);
  if (!right->chain.empty()) {
    const Delegation& held = right->chain.back();
    link.max_length = held.max_length;
    if (!held.prefix.Contains(order.prefix) || order.prefix.length > held.max_length)
      return Refused(order.prefix.ToString() + " is not in what is held, " + held.prefix.ToString());
  }
  if (order.max_length && static_cast<int>(*order.max_length) > link.max_length)
    return Refused(
        fmt::format("maxlen {} is longer than the {} that is held", *order.max_length, link.max_length));
  if (order.max_length) link.max_length = static_cast<int>(*order.max_length);
  const DelegationToken token = Extend(*std::move(right), key->key, link);
  return json::object{{"token", EncodeToken(token)},
                      {"domain", token.domain},
                      {"prefix", order.prefix.ToString()},
                      {"max_length", link.max_length},
                      {"to", ToHex(order.to)},
                      {"links", token.chain.size()},
                      {"expiry", ExpiryOf(token).time_since_epoch().count()}};
}

absl::StatusOr<json::value> SignThere(Context& context, const Order& order) {
  json::object body = {
      {"prefix", order.prefix.ToString()}, {"to", ToHex(order.to)}, {"lifetime_s", order.lifetime}};
  if (order.max_length) body["max_length"] = *order.max_length;
  return context.daemon.Ask("POST", "/v1/delegations", std::move(body));
}

// With comments that say what it is: files of delegations take them.
std::string TokenText(const json::value& answer) {
  const auto* expiry = answer.as_object().if_contains("expiry");
  const int64_t seconds = expiry != nullptr && expiry->is_int64() ? expiry->get_int64() : 0;
  return fmt::format("# {} up to /{} in {} to {} until {:%FT%TZ}\n{}\n", MemberText(answer, "prefix"),
                     MemberText(answer, "max_length"), MemberText(answer, "domain"), MemberText(answer, "to"),
                     fmt::gmtime(static_cast<time_t>(seconds)), MemberText(answer, "token"));
}

}  // namespace

absl::Status DelegateObject(Context& context, Words& words) {
  const auto order = ReadOrder(words);
  if (!order.ok()) return order.status();
  const auto answer = order->key.empty() ? SignThere(context, *order) : SignHere(*order);
  if (!answer.ok()) return answer.status();
  if (!order->out.empty()) {
    const absl::Status status = WriteFileAtomically(order->out, TokenText(*answer), 0644);
    if (!status.ok()) return Refused(std::string(status.message()));
  }
  if (context.options.json) {
    context.PrintJson(*answer);
  } else if (order->out.empty()) {
    context.out << TokenText(*answer);
  }
  return absl::OkStatus();
}

}  // namespace ov6::ctl
