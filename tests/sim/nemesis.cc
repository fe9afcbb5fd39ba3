// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/nemesis.h"

namespace ov6::sim {
namespace {

constexpr Duration kSpeech = 250ms;  // between two packets

std::string Number(size_t number) { return std::to_string(number); }

}  // namespace

void Nemesis::Note(const std::string& what) {
  const auto ms = (world_.simulator().now().time_since_epoch() - 1s) / 1ms;
  log_.push_back(Number(static_cast<size_t>(ms)) + " ms: " + what);
}

std::string Nemesis::Log() const {
  std::string text;
  for (const std::string& line : log_) text += line + "\n";
  return text;
}

size_t Nemesis::AnyUp() {
  const std::vector<size_t> up = world_.Up();
  return up[random_() % up.size()];
}

void Nemesis::Run(Duration time, Duration pause) {
  least_ = world_.Up().size() * 3 / 4;
  const BootTime end = world_.simulator().now() + time;
  while (world_.simulator().now() < end) {
    world_.Converse(pause, kSpeech);
    Act();
  }
  Heal();
}

// What is up again ends before the next begins: a network that is parted and stormy is no ring's fault.
void Nemesis::Act() {
  if (parted_ || storming_ || !clogged_.empty()) {
    if (random_() % 2 == 0) Heal();
    return;
  }
  Do(static_cast<What>(random_() % kAll));
}

void Nemesis::Do(What what) {
  const bool few = world_.Up().size() <= least_;
  const size_t machine = AnyUp();
  const std::string name = "machine " + Number(machine);
  switch (what) {
    case kCrash:
      if (few) return;
      Note(name + " crashes");
      return world_.Crash(machine);
    case kLeave:
      if (few) return;
      Note(name + " leaves");
      return world_.Leave(machine);
    case kRestart:
      for (size_t i = 0; i < world_.machines().size(); ++i) {
        if (world_.machines()[i].router) continue;
        Note("machine " + Number(i) + " comes back");
        return world_.Restart(i);
      }
      return;
    case kJoin:
      Note("machine " + Number(world_.machines().size()) + " comes new");
      world_.AddMachine();
      return;
    case kPartition:
      return Partition();
    case kClog:
      world_.Rest();
      for (size_t i = 0; i < 3; ++i) clogged_.push_back(AnyUp());
      for (const size_t i : clogged_) {
        Note("machine " + Number(i) + " hears everything a second late");
        world_.SetClog(i, 1s);
      }
      return;
    case kStorm: {
      world_.Rest();
      storming_ = true;
      Note("a fifth of everything is lost");
      Weather weather = world_.simulator().network().weather();
      weather.loss += 0.2;
      return world_.simulator().network().SetWeather(weather);
    }
    case kStep: {
      const auto skew = std::chrono::seconds(random_() % 300) - 150s;
      Note(name + "'s clock is wrong by " + std::to_string(skew / 1s) + " s");
      return world_.SetSkew(machine, skew);
    }
    case kMoveSite: {
      const size_t site = random_() % world_.sites();
      Note("site " + Number(site) + " moves to " + name);
      return world_.MoveSite(site, machine);
    }
    case kMoveAddress:
      Note(name + " gets another address");
      return world_.ChangeAddress(machine);
    case kAll:
      return;
  }
}

void Nemesis::Partition() {
  world_.Rest();
  parted_ = true;
  size_t apart = 0;
  const uint64_t part = 2 + random_() % 6;
  for (size_t i = 0; i < world_.machines().size(); ++i) {
    if (random_() % part != 0) continue;
    world_.SetGroup(i, 1);
    ++apart;
  }
  Note(Number(apart) + " machines are cut off");
}

void Nemesis::Heal() {
  if (parted_ || storming_ || !clogged_.empty()) Note("the network heals");
  for (size_t i = 0; i < world_.simulator().size(); ++i) world_.simulator().SetGroup(i, 0);
  for (const size_t i : clogged_) world_.SetClog(i, 0ms);
  clogged_.clear();
  if (storming_) {
    Weather weather = world_.simulator().network().weather();
    weather.loss -= 0.2;
    world_.simulator().network().SetWeather(weather);
  }
  parted_ = storming_ = false;
}

}  // namespace ov6::sim
