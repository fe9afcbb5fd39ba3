// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/minimise.h"

#include "tests/differential/compare.h"
#include "tests/differential/print.h"

namespace ov6::differential {
namespace {

class Minimiser {
 public:
  Minimiser(Subject& subject, const model::Kernel& kernel, model::Tables tables, model::Arrival arrival)
      : subject_(subject), kernel_(kernel), tables_(std::move(tables)), arrival_(std::move(arrival)) {}

  std::string Differs() { return Comparison(subject_, kernel_, tables_, arrival_.now).Check(arrival_); }

  std::string Run() {
    if (Differs().empty())
      return "The packet alone, on fresh tables, makes no difference: what came before it does.\n";
    Cut();
    Zero();
    Thin(tables_.routes);
    Thin(tables_.mappings);
    Thin(tables_.negatives);
    Thin(tables_.paths);
    Thin(tables_.devices);
    Thin(tables_.slaves);
    Thin(tables_.buckets);
    return "Minimised:\n" + Differs() + Describe(arrival_) + Describe(tables_);
  }

 private:
  // Keeps a change if it keeps the difference.
  template <typename Value>
  void Try(Value& value, Value changed) {
    std::swap(value, changed);
    if (Differs().empty()) std::swap(value, changed);
  }
  void Cut() {
    for (size_t piece = arrival_.frame.size() / 2; piece > 0; piece /= 2) {
      Bytes shorter = arrival_.frame;
      shorter.resize(std::max<size_t>(14, shorter.size() - piece));
      Try(arrival_.frame, shorter);
    }
  }
  void Zero() {
    for (size_t i = 0; i < arrival_.frame.size(); i++)
      if (arrival_.frame[i] != 0) Try(arrival_.frame[i], uint8_t{0});
  }
  template <typename Entries>
  void Thin(Entries& entries) {
    const Entries all = entries;
    for (const auto& [key, value] : all) {
      Entries fewer = entries;
      fewer.erase(key);
      Try(entries, fewer);
    }
  }

  Subject& subject_;
  const model::Kernel& kernel_;
  model::Tables tables_;
  model::Arrival arrival_;
};

}  // namespace

std::string Minimise(Subject& subject, const model::Kernel& kernel, model::Tables tables,
                     model::Arrival arrival) {
  return Minimiser(subject, kernel, std::move(tables), std::move(arrival)).Run();
}

}  // namespace ov6::differential
