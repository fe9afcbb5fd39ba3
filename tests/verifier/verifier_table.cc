// SPDX-License-Identifier: Apache-2.0
// verifier_table FOLDER: loads every object of the folder, with one set of maps among them, and prints a line
// for each program: name, instructions the verifier went through, instructions it left, bytes of stack at the
// deepest chain of calls; separated by tabs. Ends with 1 if the kernel refuses one or one goes over its
// budget.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

// The kernel's own limits are 1,000,000 instructions (4096 before 5.2) and 512 bytes.
constexpr unsigned kMostVerified = 30'000;
constexpr unsigned kMostStack = 416;

constexpr unsigned kLogStatistics = 4;  // BPF_LOG_STATS of the kernel's bpf_verifier.h
constexpr size_t kLogSize = 1 << 20;
constexpr unsigned kFrameAlignment = 32;  // what the kernel rounds a frame up to, without a JIT compiler

struct Measured {
  std::string program;
  unsigned verified, instructions, stack;
};

bool failed = false;

void Complain(const std::string& sentence) {
  std::fprintf(stderr, "%s\n", sentence.c_str());
  failed = true;
}

// Stack of each function, in the order of the code: the verifier's "stack depth 200+104+0".
std::vector<unsigned> StackDepths(const std::string& log) {
  static const std::string kWords = "stack depth ";
  std::vector<unsigned> depths;
  const size_t found = log.find(kWords);
  if (found == std::string::npos) return depths;
  std::istringstream list(log.substr(found + kWords.size()));
  for (unsigned depth; list >> depth; list.get()) depths.push_back(depth);
  return depths;
}

// Where the functions of a program begin, and whom each calls (also as a callback of a helper).
class Calls {
 public:
  explicit Calls(const bpf_program* program) {
    const bpf_insn* code = bpf_program__insns(program);
    const size_t size = bpf_program__insn_cnt(program);
    for (size_t i = 0; i < size; i++)
      if (IsCall(code[i])) starts_.insert(i + 1 + code[i].imm);
    for (size_t i = 0; i < size; i++)
      if (IsCall(code[i])) callees_[FunctionAt(i)].insert(FunctionAt(i + 1 + code[i].imm));
  }

  unsigned Deepest(const std::vector<unsigned>& depths, size_t function = 0) const {
    unsigned below = 0;
    if (const auto found = callees_.find(function); found != callees_.end())
      for (const size_t callee : found->second) below = std::max(below, Deepest(depths, callee));
    const unsigned own = std::max(depths.at(function), 1u);
    return (own + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment + below;
  }

 private:
  static bool IsCall(const bpf_insn& i) {
    if (i.code == (BPF_JMP | BPF_CALL)) return i.src_reg == BPF_PSEUDO_CALL;
    return i.code == (BPF_LD | BPF_IMM | BPF_DW) && i.src_reg == BPF_PSEUDO_FUNC;
  }
  size_t FunctionAt(size_t instruction) const {
    return std::distance(starts_.begin(), starts_.upper_bound(instruction)) - 1;
  }

  std::set<size_t> starts_{0};
  std::map<size_t, std::set<size_t>> callees_;
};

struct Program {
  bpf_program* program;
  std::vector<char> log = std::vector<char>(kLogSize);
};

// The maps of the first object serve all.
void ShareMaps(const bpf_object* owner, bpf_object* object) {
  bpf_map* map;
  bpf_object__for_each_map(
      map, object) if (const bpf_map* shared = bpf_object__find_map_by_name(owner, bpf_map__name(map)))
      bpf_map__reuse_fd(map, bpf_map__fd(shared));
}

Measured Measure(const Program& loaded) {
  bpf_prog_info info{};
  __u32 size = sizeof(info);
  bpf_obj_get_info_by_fd(bpf_program__fd(loaded.program), &info, &size);
  const std::vector<unsigned> depths = StackDepths(loaded.log.data());
  return {bpf_program__name(loaded.program), info.verified_insns,
          unsigned(info.xlated_prog_len / sizeof(bpf_insn)), Calls(loaded.program).Deepest(depths)};
}

void Report(const Measured& m) {
  std::printf("%s\t%u\t%u\t%u\n", m.program.c_str(), m.verified, m.instructions, m.stack);
  if (m.verified > kMostVerified)
    Complain(m.program + ": the verifier goes through " + std::to_string(m.verified) +
             " instructions, more than the " + std::to_string(kMostVerified) + " we allow ourselves");
  if (m.stack > kMostStack)
    Complain(m.program + ": " + std::to_string(m.stack) + " bytes of stack, more than the " +
             std::to_string(kMostStack) + " we allow ourselves");
}

// The end of the verifier's log says why.
void Refused(const std::vector<Program>& programs, const std::string& path) {
  Complain("the kernel refuses " + path);
  for (const Program& program : programs) {
    const std::string log = program.log.data();
    if (log.empty()) continue;
    Complain(std::string(bpf_program__name(program.program)) + ": ..." +
             log.substr(log.size() > 2000 ? log.size() - 2000 : 0));
  }
}

void LoadAndReport(bpf_object* object, const std::string& path) {
  std::vector<Program> programs;
  bpf_program* each;
  bpf_object__for_each_program(each, object) programs.push_back({each});
  for (Program& program : programs) {
    bpf_program__set_log_level(program.program, kLogStatistics);
    bpf_program__set_log_buf(program.program, program.log.data(), program.log.size());
  }
  if (bpf_object__load(object) != 0) return Refused(programs, path);
  for (const Program& program : programs) Report(Measure(program));
}

int Quiet(libbpf_print_level level, const char* format, va_list arguments) {
  return level == LIBBPF_WARN ? std::vfprintf(stderr, format, arguments) : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: verifier_table FOLDER\n"), 2;
  libbpf_set_print(Quiet);
  std::set<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
    if (entry.path().extension() == ".o") paths.insert(entry.path());
  std::vector<bpf_object*> objects;
  for (const std::string& path : paths) {
    bpf_object* object = bpf_object__open_file(path.c_str(), nullptr);
    if (object == nullptr) return Complain("cannot open " + path), 1;
    if (!objects.empty()) ShareMaps(objects[0], object);
    objects.push_back(object);
    LoadAndReport(object, path);
  }
  if (objects.empty()) Complain(std::string("no object in ") + argv[1]);
  return failed;
}
