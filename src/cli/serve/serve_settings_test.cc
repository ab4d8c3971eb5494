#include "cli/serve/serve_settings.h"

#include <set>

#include "larnax/error.h"
#include "test/matchers.h"

namespace larnax::cli {
namespace {

TEST(ApplySettings, ReadsValuesOfEachKind) {
  ServeSettings settings;
  ASSERT_OK(ApplySettings({{"data", "/srv/x"},
                           {"listen", "[::1]:80"},
                           {"wal-sync", "interval"},
                           {"max-future", "1h30m"},
                           {"max-body-size", "8MiB"},
                           {"flush-samples", "5000"},
                           {"max-connections", "3"},
                           {"parquet-compat", "wide"},
                           {"experiment-label", ""},
                           {"self-metrics-interval", "0"},
                           {"log-level", "debug"}},
                          &settings));
  EXPECT_EQ(settings.data, "/srv/x");
  EXPECT_EQ(settings.listen, (ListenAddress{"::1", 80}));
  EXPECT_EQ(settings.database.wal_sync, WalSync::kInterval);
  EXPECT_EQ(settings.database.max_future_ms, 5'400'000);
  EXPECT_EQ(settings.server.max_body_bytes, 8 << 20);
  EXPECT_EQ(settings.database.flush_samples, 5000);
  EXPECT_EQ(settings.server.max_connections, 3);
  EXPECT_TRUE(settings.database.wide_compat);
  EXPECT_EQ(settings.database.experiment_label, "");
  EXPECT_EQ(settings.self_metrics_interval_ms, 0);
  EXPECT_EQ(settings.log_level, "debug");
}

TEST(ApplySettings, AddsUpExternalLabels) {
  ServeSettings settings;
  ASSERT_OK(ApplySettings({{"external-label", "cluster=a"},
                           {"external-label", "replica=r=1,region="},
                           {"external-label", "cluster=b"}},
                          &settings));
  EXPECT_EQ(settings.server.external_labels.ToString(), "{cluster=\"b\", replica=\"r=1\"}");
  EXPECT_EQ(ShowSettings(settings).at("external-label"), "cluster=b,replica=r=1");
  EXPECT_THAT(ApplySettings({{"external-label", "cluster"}}, &settings),
              test::HasMessage("invalid external-label: expected name=value"));
}

TEST(ApplySettings, KnowsPrometheusNamesAndLetsTheLaterWin) {
  ServeSettings settings;
  ASSERT_OK(ApplySettings({{"storage.tsdb.path", "a"},
                           {"web.listen-address", "0.0.0.0:9090"},
                           {"data", "b"},
                           {"web.max-connections", "7"}},
                          &settings));
  EXPECT_EQ(settings.data, "b");
  EXPECT_EQ(settings.listen.port, 9090);
  EXPECT_EQ(settings.server.max_connections, 7);
}

TEST(ApplySettings, NamesWhatIsWrong) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"nothing", "1", "unknown setting: nothing"},
      {"", "1", "unknown setting"},
      {"wal-sync", "sometimes", "invalid wal-sync: must be batch, interval or off"},
      {"max-future", "soon", "invalid max-future: cannot parse \"soon\""},
      {"max-future", "-5", "invalid max-future"},
      {"flush-interval", "10ms", "must be at least 1s"},
      {"max-body-size", "big", "invalid max-body-size"},
      {"max-body-size", "1B", "must be at least 1KiB"},
      {"max-connections", "0", "from 1 to 1000000"},
      {"max-connections", "1.5", "is not a whole number"},
      {"max-connections", "99999999999", "is not a whole number"},
      {"listen", "here", "invalid listen: not an address"},
      {"data", "", "must name a directory"},
      {"data", "s3://bucket/x", "only local directories"},
      {"parquet-compat", "narrow", "must be wide or modern"},
      {"route-prefix", "/a?b", "must be a path"},
      {"log-level", "loud", "must be debug"}};
  for (const auto& [name, value, message] : cases) {
    ServeSettings settings;
    const auto status = ApplySettings({{name, value}}, &settings);
    EXPECT_THAT(status, test::IsKind(ErrorKind::kBadQuery)) << name;
    EXPECT_THAT(status, test::HasMessage(message)) << name;
  }
}

TEST(AllSettings, AreNamedOnce) {
  std::set<std::string_view> names = {"config", "config.file", "help"};
  for (const Setting& setting : AllSettings()) {
    EXPECT_TRUE(names.insert(setting.name).second) << setting.name;
    if (!setting.alias.empty()) {
      EXPECT_TRUE(names.insert(setting.alias).second) << setting.alias;
    }
    EXPECT_FALSE(setting.help.empty()) << setting.name;
  }
}

TEST(ShowSettings, ShowsWhatCanBeReadBack) {
  ServeSettings changed;
  ASSERT_OK(ApplySettings({{"wal-sync", "off"},
                           {"listen", ":1"},
                           {"max-future", "1h30m"},
                           {"wal-segment-size", "3MiB"},
                           {"max-label-name-size", "1001"},
                           {"route-prefix", "a/b/"},
                           {"cors-origin", "a|b"}},
                          &changed));
  for (const ServeSettings& settings : {ServeSettings(), changed}) {
    const auto shown = ShowSettings(settings);
    EXPECT_EQ(shown.size(), AllSettings().size());
    ServeSettings again;
    ASSERT_OK(ApplySettings({shown.begin(), shown.end()}, &again));
    EXPECT_EQ(ShowSettings(again), shown);
  }
  EXPECT_EQ(ShowSettings(changed).at("route-prefix"), "/a/b");
  EXPECT_EQ(ShowSettings(changed).at("max-future"), "1h30m");
  EXPECT_EQ(ShowSettings(changed).at("wal-segment-size"), "3MiB");
  EXPECT_EQ(ShowSettings(changed).at("max-label-name-size"), "1001B");
}

TEST(ServeSettings, SwitchPartsOfTheLanguageOn) {
  ServeSettings settings;
  ASSERT_OK(ApplySettings({{"enable-feature", "promql-experimental-functions,promql-duration-expr"},
                           {"enable-feature", "use-start-timestamps"},
                           {"query.max-concurrency", "3"},
                           {"query.lookback-delta", "1m"},
                           {"query-log", "q.log"}},
                          &settings));
  EXPECT_TRUE(settings.server.query_features.experimental_functions);
  EXPECT_TRUE(settings.server.query_features.use_start_timestamps);
  EXPECT_FALSE(settings.server.query_features.delayed_name_removal);
  EXPECT_EQ(settings.server.query_concurrency, 3);
  EXPECT_EQ(settings.server.query_lookback_ms, 60'000);
  EXPECT_EQ(settings.query_log, "q.log");
  EXPECT_EQ(ShowSettings(settings)["enable-feature"],
            "promql-experimental-functions,use-start-timestamps");
  EXPECT_THAT(ApplySettings({{"enable-feature", "magic"}}, &settings),
              test::HasMessage("no such feature: magic"));
}

}  // namespace
}  // namespace larnax::cli
