#include "server/core/artifact_registry.h"

#include "common/digest.h"
#include "server/blob/memory/memory_blob_store.h"
#include "server/store/memory/memory_job_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sequential_ids.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::HasReason;
using testing::IsOkAndHolds;
using testing::StatusIs;

class ArtifactRegistryTest : public ::testing::Test {
 protected:
  StoredFile Upload(const std::string& name, const std::string& bytes,
                    const std::string& tenant = "team") {
    const StoredFile file{name, Sha256Hex(bytes), static_cast<int64_t>(bytes.size())};
    auto writer = blobs_.Of(tenant)->OpenUpload("upload", file.digest, file.size_bytes);
    EXPECT_OK(writer);
    const auto kept = static_cast<size_t>((*writer)->committed());
    EXPECT_OK((*writer)->Append((*writer)->committed(), bytes.substr(kept)));
    EXPECT_OK((*writer)->Finish());
    return file;
  }

  Artifact Create(const std::string& tenant = "team") {
    absl::StatusOr<Artifact> artifact = registry_.Create(tenant, {Upload("a", "1", tenant)}, {});
    EXPECT_OK(artifact);
    return *std::move(artifact);
  }

  testing::FakeClock clock_;
  testing::SequentialIds ids_;
  MemoryJobStore store_;
  MemoryBlobStores blobs_{&clock_};
  ArtifactRegistry registry_{&store_, &blobs_, &clock_, &ids_};
};

TEST(ArtifactDigest, IsTheDigestOfItsLines) {
  // "name NUL digest LF" of each file.
  const std::string nul(1, '\0');
  const std::string lines = "a" + nul + "11\n" + "b/c" + nul + "22\n";
  EXPECT_EQ(ArtifactDigest({{"a", "11", 5}, {"b/c", "22", 6}}), Sha256Hex(lines));
  EXPECT_EQ(ArtifactDigest({}), Sha256Hex(""));
}

TEST(ArtifactDigest, TellsFromAnotherWhateverDiffers) {
  const std::string digest = ArtifactDigest({{"a", "11", 5}});
  EXPECT_NE(digest, ArtifactDigest({{"b", "11", 5}}));
  EXPECT_NE(digest, ArtifactDigest({{"a", "12", 5}}));
  EXPECT_NE(digest, ArtifactDigest({{"a1", "1", 5}}));
  EXPECT_NE(digest, ArtifactDigest({{"a", "11", 5}, {"a", "11", 5}}));
}

TEST_F(ArtifactRegistryTest, ANewArtifactHasItsFilesInByteOrderAndIsFoundByName) {
  const StoredFile z = Upload("Z", "upper case sorts first"), a = Upload("a", "1");
  const StoredFile b = Upload("a/b", "2");
  ASSERT_OK_AND_ASSIGN(const Artifact artifact,
                       registry_.Create("team", {b, a, z}, {{"kind", "test"}}));
  EXPECT_EQ(artifact.name, (ArtifactName{"team", "id-000001"}));
  EXPECT_THAT(artifact.files, ElementsAre(z, a, b));
  EXPECT_EQ(artifact.create_time, clock_.Now());
  EXPECT_EQ(artifact.job, "");
  EXPECT_THAT(artifact.labels, ElementsAre(std::make_pair("kind", "test")));
  EXPECT_EQ(artifact.digest, ArtifactDigest({z, a, b}));
  EXPECT_THAT(registry_.Get(artifact.name), IsOkAndHolds(artifact));
}

TEST_F(ArtifactRegistryTest, EqualFilesInAnotherOrderHaveOneDigestButTwoNames) {
  const StoredFile a = Upload("a", "1"), b = Upload("b", "2");
  ASSERT_OK_AND_ASSIGN(const Artifact one, registry_.Create("team", {a, b}, {}));
  ASSERT_OK_AND_ASSIGN(const Artifact other, registry_.Create("team", {b, a}, {}));
  EXPECT_EQ(one.digest, other.digest);
  EXPECT_NE(one.name, other.name);
}

TEST_F(ArtifactRegistryTest, AFileWithoutItsBlobIsRefusedByName) {
  StoredFile file = Upload("weights.bin", "1");
  StoredFile missing = file;
  missing.digest = Sha256Hex("never uploaded");
  StoredFile longer = file;
  longer.size_bytes = 2;
  StoredFile no_digest = file;
  no_digest.digest = "../../etc/passwd";
  for (const StoredFile& wrong : {missing, longer, no_digest}) {
    const auto refused = registry_.Create("team", {wrong}, {});
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition,
                                  ::testing::HasSubstr("weights.bin")));
    EXPECT_THAT(refused, HasReason("BLOB_MISSING"));
  }
  EXPECT_THAT(registry_.List("team", std::nullopt, 10), IsOkAndHolds(ElementsAre()));
}

TEST_F(ArtifactRegistryTest, ListsATenantsArtifactsNewestFirstAndPageByPage) {
  std::vector<Artifact> made;
  for (int i = 0; i < 5; ++i) made.push_back(Create());
  Create("others");
  ASSERT_OK_AND_ASSIGN(const auto first, registry_.List("team", std::nullopt, 2));
  EXPECT_THAT(first, ElementsAre(made[4], made[3]));
  ASSERT_OK_AND_ASSIGN(const auto second, registry_.List("team", first.back().key, 10));
  EXPECT_THAT(second, ElementsAre(made[2], made[1], made[0]));
  ASSERT_OK_AND_ASSIGN(const auto third, registry_.List("team", second.back().key, 10));
  EXPECT_THAT(third, ElementsAre());
}

TEST_F(ArtifactRegistryTest, ADeletedArtifactIsGoneAndItsBlobsAreNot) {
  const Artifact artifact = Create();
  ASSERT_OK(registry_.Delete(artifact.name));
  for (const absl::Status& status :
       {registry_.Get(artifact.name).status(), registry_.Delete(artifact.name)}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(status, HasReason("ARTIFACT_NOT_FOUND"));
  }
  EXPECT_TRUE(blobs_.Of("team")->Has(artifact.files[0].digest));
}

TEST_F(ArtifactRegistryTest, AnotherTenantDoesNotFindIt) {
  const Artifact artifact = Create();
  EXPECT_THAT(registry_.Get({"others", artifact.name.artifact}), HasReason("ARTIFACT_NOT_FOUND"));
}

}  // namespace
}  // namespace quantd
