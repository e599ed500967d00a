// Password hashes and the file that they are kept in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "identity/password_file.h"
#include "identity/password_hash.h"
#include "identity/scram.h"

namespace bitacora::identity {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr Argon2Cost cheap{64, 1, 1};
const Bytes salt(salt_size, std::byte{7});

// Written by mosquitto_passwd of mosquitto 2.0.11.
const std::string pbkdf2_of_open_sesame =
    "$7$101$Xq4jyUb0Xkil02FE$yGzmrbW2ASG9SueRrQYPsDKgkJJlbzyCx5nLTb72ZEx4NcG8TIpH1Wck+6e44RmrSpx6baWxAZcZAqfnqtF1dg==";
const std::string sha512_of_hunter2 =
    "$6$gmxY6oCUcaBgi8On$uCj7vUHvZ1+jh1oPsUVjeaYCaxI8LU7qQ8Or8sl6Rd/SqPR9i1PFZCJrhovIATbw0NBPkv8TTQTyIsgYJzLn9Q==";

TEST(PasswordHash, ItsOwnArgon2idIsVerified) {
  const std::string stored = hash_password("correct horse", salt, cheap);
  EXPECT_TRUE(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$")) << stored;
  EXPECT_EQ(mistake_in_password_hash(stored), std::nullopt);
  EXPECT_TRUE(verify_password(stored, "correct horse"));
  EXPECT_FALSE(verify_password(stored, "correct horsf"));
  EXPECT_FALSE(verify_password(stored, ""));
}

// Reference implementation, `echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1` (version 0x13).
TEST(PasswordHash, TheArgon2idOfTheReferenceImplementationIsVerified) {
  const std::string stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  EXPECT_TRUE(verify_password(stored, "password"));
  EXPECT_FALSE(verify_password(stored, "Password"));
}

TEST(PasswordHash, WhatMosquittoPasswdWroteIsVerified) {
  for (const auto& [stored, password] : {std::pair{pbkdf2_of_open_sesame, std::string("open sesame")},
                                         std::pair{sha512_of_hunter2, std::string("hunter2")}}) {
    EXPECT_EQ(mistake_in_password_hash(stored), std::nullopt);
    EXPECT_TRUE(verify_password(stored, password));
    EXPECT_FALSE(verify_password(stored, password + " "));
    EXPECT_FALSE(verify_password(stored, ""));
  }
}

TEST(PasswordHash, APasswordInPlaceOfAHashIsNoHash) {
  for (const std::string stored : {"hunter2", "", "$7$101$Xq4j$short", "$7$0$YWJj$YWJj", "$7$x$YWJj$YWJj", "$6$only",
                                   "$argon2id$v=19$m=64,t=1", "$2b$12$bcrypt"}) {
    EXPECT_NE(mistake_in_password_hash(stored), std::nullopt) << stored;
    EXPECT_FALSE(verify_password(stored, stored)) << stored;
  }
}

TEST(PasswordHash, APasswordPastTheLimitIsNeverRight) {
  const std::string stored = hash_password(std::string(max_password_size, 'x'), salt, cheap);
  EXPECT_TRUE(verify_password(stored, std::string(max_password_size, 'x')));
  EXPECT_FALSE(verify_password(stored, std::string(max_password_size + 1, 'x')));
}

TEST(PasswordFile, IsReadAsMosquittoPasswdWritesIt) {
  const auto users = parse_password_file("# users\nann:" + pbkdf2_of_open_sesame + "\n\nbob:" + sha512_of_hunter2);
  ASSERT_TRUE(users.has_value());
  EXPECT_THAT(*users, ElementsAre(User{"ann", pbkdf2_of_open_sesame, {}}, User{"bob", sha512_of_hunter2, {}}));
}

TEST(PasswordFile, KeepsAScramVerifierBehindTheHash) {
  const std::string verifier = format_scram_verifier(make_scram_verifier("pencil", salt, 4096));
  const User ann{"ann", hash_password("pencil", salt, cheap), verifier};
  const User only_scram{"bob", "", verifier};
  const auto users = parse_password_file(with_user(with_user("", ann), only_scram));
  ASSERT_TRUE(users.has_value());
  EXPECT_THAT(*users, ElementsAre(ann, only_scram));
}

TEST(PasswordFile, NamesEveryMistakeWithItsLine) {
  const auto users = parse_password_file("ann\nbob:secret\n# fine\n:x\nann:" + sha512_of_hunter2 +
                                         "\nann:" + sha512_of_hunter2 + "\ncid:" + sha512_of_hunter2 + ":nonsense\n");
  ASSERT_FALSE(users.has_value());
  std::vector<std::uint32_t> lines;
  for (const FileMistake& mistake : users.error()) lines.push_back(mistake.line);
  EXPECT_THAT(lines, ElementsAre(1, 2, 4, 6, 7));
  EXPECT_THAT(users.error()[1].message, HasSubstr("bob"));
  EXPECT_THAT(users.error()[1].message, Not(HasSubstr("secret")));
}

TEST(PasswordFile, ChangingOneUserLeavesTheRestAsItWas) {
  const std::string text = "# of the plant\nann:x\n\nbob:y\n";
  EXPECT_EQ(with_user(text, {"ann", "z", {}}), "# of the plant\nann:z\n\nbob:y\n");
  EXPECT_EQ(with_user(text, {"cid", "z", {}}), text + "cid:z\n");
  EXPECT_EQ(with_user("ann:x", {"bob", "z", {}}), "ann:x\nbob:z\n");
  EXPECT_EQ(without_user(text, "ann"), "# of the plant\n\nbob:y\n");
  EXPECT_EQ(without_user(text, "cid"), std::nullopt);
  EXPECT_EQ(without_user(text, "# of the plant"), std::nullopt);
}

TEST(PasswordFile, ANameThatCouldBeMoreThanOneLevelOfATopicIsNotTaken) {
  for (const std::string name : {"", "a:b", "a+b", "#", "a/b", " a", "a ", "a\nb", "#a"}) {
    EXPECT_NE(mistake_in_user_name(name), std::nullopt) << name;
  }
  for (const std::string name : {"ann", "ann@example.org", "a b", "ñandú"}) {
    EXPECT_EQ(mistake_in_user_name(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace bitacora::identity
