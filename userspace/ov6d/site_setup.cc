// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/site_setup.h"

#include <algorithm>
#include <boost/json.hpp>

#include "userspace/base/files.h"
#include "userspace/base/netlink.h"
#include "userspace/base/text.h"

namespace ov6 {
namespace {

namespace json = boost::json;

json::value ToJson(const SiteAddress& a) {
  return {{"interface", a.interface}, {"address", a.address.ToString()}, {"length", a.length}};
}

std::string Text(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

const json::array* ArrayIn(const json::value& value, const char* key) {
  const json::object* object = value.if_object();
  const json::value* found = object == nullptr ? nullptr : object->if_contains(key);
  return found == nullptr ? nullptr : found->if_array();
}

std::vector<Prefix> PrefixesIn(const json::value& value, const char* key) {
  std::vector<Prefix> prefixes;
  const json::array* array = ArrayIn(value, key);
  for (size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const json::value& item = (*array)[i];
    const auto prefix = item.is_string() ? Prefix::Parse(std::string(item.get_string())) : std::nullopt;
    if (prefix) prefixes.push_back(*prefix);
  }
  return prefixes;
}

template <typename T>
bool Contains(const std::vector<T>& list, const T& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

}  // namespace

absl::Status SiteSetup::Load() {
  const auto text = ReadFile(file_);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (!text.ok()) return text.status();
  boost::system::error_code error;
  const json::value value = json::parse(*text, error);
  const json::array* addresses = error ? nullptr : ArrayIn(value, "addresses");
  const json::array* sysctls = error ? nullptr : ArrayIn(value, "sysctls");
  if (addresses == nullptr || sysctls == nullptr) {
    return absl::DataLossError(file_.string() +
                               ": it should be a JSON object with \"addresses\" and \"sysctls\"");
  }
  for (const json::value& item : *addresses) {
    if (!item.is_object()) continue;
    const auto address = Ipv6::Parse(Text(item.get_object(), "address"));
    if (address) addresses_.push_back({Text(item.get_object(), "interface"), *address, 64});
  }
  routes_ = PrefixesIn(value, "rejects");  // the name they were kept under when there were no others
  for (const Prefix& prefix : PrefixesIn(value, "routes")) routes_.push_back(prefix);
  mappings_ = PrefixesIn(value, "mappings");
  for (const json::value& item : *sysctls) {
    if (!item.is_object()) continue;
    sysctls_.push_back({Text(item.get_object(), "path"), Text(item.get_object(), "value")});
  }
  return absl::OkStatus();
}

absl::Status SiteSetup::Save() const {
  json::array addresses, sysctls;
  for (const SiteAddress& address : addresses_) addresses.push_back(ToJson(address));
  for (const SavedSysctl& saved : sysctls_) sysctls.push_back({{"path", saved.path}, {"value", saved.value}});
  const json::object all{{"addresses", addresses},
                         {"sysctls", sysctls},
                         {"routes", Strings(routes_)},
                         {"mappings", Strings(mappings_)}};
  return WriteFileAtomically(file_, json::serialize(all), 0644);
}

absl::Status SiteSetup::SaveOwned(std::vector<Prefix> routes, std::vector<Prefix> mappings) {
  routes_ = std::move(routes);
  mappings_ = std::move(mappings);
  return Save();
}

absl::Status SiteSetup::Apply(const std::vector<SiteAddress>& wanted) {
  for (const SiteAddress& old : std::vector<SiteAddress>(addresses_)) {
    if (Contains(wanted, old)) continue;
    if (absl::Status status = RemoveAddress(old); !status.ok()) return status;
    std::erase(addresses_, old);
  }
  for (const SiteAddress& address : wanted) {
    absl::Status status = EnableForwarding(address.interface);
    if (status.ok()) status = AddAddress(address);
    if (!status.ok()) return status;
  }
  return Save();
}

absl::Status SiteSetup::AddAddress(const SiteAddress& address) {
  const auto link = netlink::GetLink(address.interface);
  if (!link.ok()) return link.status();
  const auto present = netlink::Ipv6Addresses(link->ifindex);
  if (!present.ok()) return present.status();
  if (Contains(*present, {address.address, address.length}))
    return absl::OkStatus();  // the operator's, or ours
  if (!Contains(addresses_, address)) addresses_.push_back(address);
  if (absl::Status status = Save(); !status.ok()) return status;
  return netlink::AddAddress(link->ifindex, address.address, address.length);
}

// So that neighbour advertisements carry the router flag (RFC 4861 section 4.4).
absl::Status SiteSetup::EnableForwarding(const std::string& interface) {
  const std::string path = "net/ipv6/conf/" + interface + "/forwarding";
  const auto before = netlink::ReadSysctl(path);
  if (!before.ok()) return before.status();
  if (before->starts_with("1")) return absl::OkStatus();
  const bool saved = std::any_of(sysctls_.begin(), sysctls_.end(),
                                 [&](const SavedSysctl& sysctl) { return sysctl.path == path; });
  if (!saved) sysctls_.push_back({path, *before});
  if (absl::Status status = Save(); !status.ok()) return status;
  return netlink::WriteSysctl(path, "1");
}

absl::Status SiteSetup::RemoveAddress(const SiteAddress& address) {
  const auto link = netlink::GetLink(address.interface);
  if (absl::IsNotFound(link.status())) return absl::OkStatus();
  if (!link.ok()) return link.status();
  const absl::Status status = netlink::DeleteAddress(link->ifindex, address.address, address.length);
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::Status SiteSetup::Undo() {
  absl::Status status;
  for (const SiteAddress& address : addresses_) status.Update(RemoveAddress(address));
  for (const SavedSysctl& saved : sysctls_) {
    const absl::Status written = netlink::WriteSysctl(saved.path, saved.value);
    if (!absl::IsNotFound(written)) status.Update(written);
  }
  addresses_.clear();
  sysctls_.clear();
  routes_.clear();
  mappings_.clear();
  std::error_code error;
  std::filesystem::remove(file_, error);
  return status;
}

}  // namespace ov6
