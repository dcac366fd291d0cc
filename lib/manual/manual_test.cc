// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/manual/completion.h"
#include "lib/manual/help_text.h"
#include "lib/manual/man_page.h"
#include "lib/manual/page.h"

namespace btfd::manual {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Page Example() {
  Page page;
  page.program = "btfc try";
  page.file = "btfc-try";
  page.summary = "try what's there";
  page.usage = {"btfc try [--form WORD] FILE...", "btfc try --none"};
  page.description = R"(
A text of some words,
in lines that are joined: `btfc try` is typed, a-b is not.

  as it is
    further in

1. one
2. two, which is a long item that does not fit into one line of a terminal that has 80
columns
)";
  page.options = {
      {"form", 'f', "WORD", "which form: round or square", {"round", "square"}},
      {"into", 0, "DIR", "where to"},
      {"why", 0, "FILE", "say why", {}, /*optional_argument=*/true},
      {"a-very-long-name-of-an-option", 0, "N", "how often"},
  };
  page.sections = {{"Files", "", {{".hidden", "a file"}}}};
  page.exit_status = "0, or 1.";
  page.examples = {{"Try it", "btfc try -f round 'a b'"}};
  page.see_also = {"btfd(8)", "btfc(1)"};
  return page;
}

TEST(Paragraphs, AreTextLinesOrItems) {
  const std::vector<Paragraph> paragraphs = Paragraphs(Example().description);
  ASSERT_EQ(paragraphs.size(), 4u);
  EXPECT_EQ(paragraphs[0].text,
            "A text of some words, in lines that are joined: `btfc try` is "
            "typed, a-b is not.");
  EXPECT_EQ(paragraphs[1].kind, Paragraph::Kind::kAsItIs);
  EXPECT_EQ(paragraphs[1].text, "as it is\n  further in");
  EXPECT_EQ(paragraphs[2].kind, Paragraph::Kind::kItem);
  EXPECT_EQ(paragraphs[2].number, "1.");
  EXPECT_EQ(paragraphs[2].text, "one");
  EXPECT_EQ(paragraphs[3].number, "2.");
}

TEST(OptionTerm, IsAsAUserTypesIt) {
  std::vector<std::string> terms;
  for (const Option& option : Example().options) {
    terms.push_back(OptionTerm(option));
  }
  EXPECT_THAT(terms,
              ElementsAre("-f, --form WORD", "--into DIR", "--why[=FILE]",
                          "--a-very-long-name-of-an-option N"));
}

TEST(HelpText, FitsATerminal) {
  EXPECT_EQ(HelpText(Example()),
            R"(usage: btfc try [--form WORD] FILE...
       btfc try --none

A text of some words, in lines that are joined: `btfc try` is typed, a-b is
not.

  as it is
    further in

1. one
2. two, which is a long item that does not fit into one line of a terminal that
   has 80 columns

  -f, --form WORD  which form: round or square
  --into DIR       where to
  --why[=FILE]     say why
  --a-very-long-name-of-an-option N
                   how often
  -h, --help       this text

Files:
  .hidden  a file

Examples:
  btfc try -f round 'a b'

Exit status: 0, or 1.
)");
}

TEST(ManPage, IsRoff) {
  EXPECT_EQ(ManPage(Example(), "1.2"),
            R"(.\" SPDX-License-Identifier: Apache-2.0
.TH BTFC\-TRY 1 "" "btfd 1.2" "User Commands"
.nh
.ad l
.SH NAME
btfc\-try \- try what\(aqs there
.SH SYNOPSIS
.PP
\fBbtfc\fR \fBtry\fR [\fB\-\-form\fR \fIWORD\fR] \fIFILE\fR...
.PP
\fBbtfc\fR \fBtry\fR \fB\-\-none\fR
.SH DESCRIPTION
.PP
A text of some words, in lines that are joined: \fBbtfc try\fR is typed, a\-b is not.
.PP
.RS 4
.nf
as it is
  further in
.fi
.RE
.IP 1. 4
one
.IP 2. 4
two, which is a long item that does not fit into one line of a terminal that has 80 columns
.SH OPTIONS
.TP
\fB\-f\fR, \fB\-\-form\fR \fIWORD\fR
which form: round or square
.TP
\fB\-\-into\fR \fIDIR\fR
where to
.TP
\fB\-\-why\fR[=\fIFILE\fR]
say why
.TP
\fB\-\-a\-very\-long\-name\-of\-an\-option\fR \fIN\fR
how often
.TP
\fB\-h\fR, \fB\-\-help\fR
print a summary of this page
.SH FILES
.TP
\fB.hidden\fR
a file
.SH EXIT STATUS
0, or 1.
.SH EXAMPLES
.PP
Try it:
.PP
.RS 4
.nf
\fBbtfc try \-f round \(aqa b\(aq\fR
.fi
.RE
.SH SEE ALSO
\fBbtfd\fR(8),
\fBbtfc\fR(1)
)");
}

TEST(ManPage, ControlCharactersOfRoffAreText) {
  Page page = Example();
  page.description = ".so /etc/passwd\n\n'br\\n";
  EXPECT_THAT(ManPage(page, "1"), AllOf(HasSubstr("\n\\&.so /etc/passwd\n"),
                                        HasSubstr("\n\\(aqbr\\en\n")));
}

// What shells make of these, tools/manual tests.
TEST(Completion, QuotesWhatIsSpecial) {
  Page page = Example();
  page.summary = "it's [a] b: c";
  const std::vector<const Page*> pages = {&page};
  EXPECT_THAT(ZshCompletion("btfc", pages),
              HasSubstr("'try:it'\\''s \\[a\\] b\\: c'"));
  EXPECT_THAT(FishCompletion("btfc", pages),
              HasSubstr("-a try -d 'it\\'s [a] b: c'"));
  EXPECT_THAT(BashCompletion("btfc", pages),
              AllOf(HasSubstr("'try -f' | 'try --form' | 'try --form=')"),
                    HasSubstr("    'try --why=')"), Not(HasSubstr("it's"))));
}

TEST(Arguments, AreFilesByTheirNames) {
  EXPECT_EQ(KindOfArgument("FILE"), ArgumentKind::kFile);
  EXPECT_EQ(KindOfArgument("DIR"), ArgumentKind::kDirectory);
  EXPECT_EQ(KindOfArgument("N"), ArgumentKind::kNothing);
  EXPECT_EQ(KindOfArgument(""), ArgumentKind::kNothing);
}

}  // namespace
}  // namespace btfd::manual
