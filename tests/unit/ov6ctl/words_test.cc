// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/words.h"

#include <gtest/gtest.h>

#include "userspace/ov6ctl/json_text.h"
#include "userspace/ov6ctl/mapping_words.h"
#include "userspace/ov6ctl/table.h"

namespace ov6::ctl {
namespace {

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

TEST(Choose, Abbreviations) {
  const std::string_view names[] = {"map", "mapping", "route", "resolve"};
  const struct {
    const char* word;
    int place;  // -1: refused
    const char* sentence;
  } rows[] = {{"map", 0, ""},
              {"mapp", 1, ""},
              {"ro", 2, ""},
              {"route", 2, ""},
              {"m", -1, "map or mapping"},
              {"r", -1, "route or resolve"},
              {"x", -1, "no object 'x'"},
              {"", -1, "no object ''"}};
  for (const auto& row : rows) {
    const auto place = Choose(names, row.word, "object");
    EXPECT_EQ(place.ok() ? static_cast<int>(*place) : -1, row.place) << row.word;
    EXPECT_NE(place.status().ToString().find(row.sentence), std::string::npos) << place.status();
  }
}

TEST(Table, AlignsAndTrims) {
  Table table({{"A"}, {"NUMBER", Table::Align::kRight}, {"END"}});
  table.Add({"long", "1", ""});
  table.Add({"b", "23", "x"});
  EXPECT_EQ(table.ToString(),
            "A     NUMBER  END\n"
            "long       1\n"
            "b         23  x\n");
}

TEST(PrettyJson, FourBlanksALevel) {
  EXPECT_EQ(ToPrettyJson({{"a", {1, 2}}, {"b", boost::json::array()}}),
            "{\n    \"a\": [\n        1,\n        2\n    ],\n    \"b\": []\n}");
}

TEST(MappingWords, TakesWhatItPrints) {
  const char* rows[] = {
      "fd12:3456:789a::/48 via 198.51.100.2 encap 6in4 priority 1 static",
      "fd12::/16 via 198.51.100.2:6080 encap udp priority 1 mtu 1400 lifetime 30",
      "fd12::/16 via 198.51.100.2 encap 6in4 priority 1 via 198.51.100.3:7000 encap udp priority 255 static",
  };
  for (const char* row : rows) {
    const auto strings = Split(row);
    Words words(strings);
    const auto mapping = ReadMappingWords(words);
    ASSERT_TRUE(mapping.ok()) << mapping.status();
    EXPECT_EQ(FormatMappingWords(*mapping), row);
  }
}

TEST(MappingWords, ShortForms) {
  const struct {
    const char *in, *out;
  } rows[] = {
      {"fd12::/16 via 198.51.100.2", "fd12::/16 via 198.51.100.2 encap 6in4 priority 1 static"},
      {"fd12::/16 via 198.51.100.2:7000", "fd12::/16 via 198.51.100.2:7000 encap udp priority 1 static"},
      {"fd12::/16 via 198.51.100.2 encap udp", "fd12::/16 via 198.51.100.2:6080 encap udp priority 1 static"},
      {"fd12::1 via 198.51.100.2 via 198.51.100.3 lifetime 5",
       "fd12::1/128 via 198.51.100.2 encap 6in4 priority 1 via 198.51.100.3 encap 6in4 priority 2 lifetime "
       "5"},
  };
  for (const auto& row : rows) {
    const auto strings = Split(row.in);
    Words words(strings);
    const auto mapping = ReadMappingWords(words);
    ASSERT_TRUE(mapping.ok()) << mapping.status();
    EXPECT_EQ(FormatMappingWords(*mapping), row.out);
  }
}

TEST(MappingWords, Refused) {
  const struct {
    const char *in, *sentence;
  } rows[] = {
      {"", "a prefix is missing"},
      {"fd12::1/16 via 198.51.100.2", "no prefix"},
      {"fd12::/16", "needs 'via'"},
      {"fd12::/16 via", "a locator (an IPv4 address, for UDP with a port) is missing"},
      {"fd12::/16 via ::1", "'::1' is no locator"},
      {"fd12::/16 via 198.51.100.2 encap gre", "'gre' is no encapsulation"},
      {"fd12::/16 via 198.51.100.2:1 encap 6in4", "6in4 has none"},
      {"fd12::/16 via 198.51.100.2 priority 256", "number up to 255"},
      {"fd12::/16 via 198.51.100.2 lifetime 0", "0 s"},
      {"fd12::/16 via 198.51.100.2 lifetime 86401", "number up to 86400"},
      {"fd12::/16 via 198.51.100.2 lifetime -1", "number up to 86400"},
      {"fd12::/16 via 1.1.1.1 via 1.1.1.2 via 1.1.1.3 via 1.1.1.4 via 1.1.1.5", "more than 4"},
      {"fd12::/16 via 198.51.100.2 static lifetime 3", "one word too many"},
  };
  for (const auto& row : rows) {
    const auto strings = Split(row.in);
    Words words(strings);
    const auto status = ReadMappingWords(words).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << row.in;
    EXPECT_NE(status.ToString().find(row.sentence), std::string::npos) << status;
  }
}

}  // namespace
}  // namespace ov6::ctl
