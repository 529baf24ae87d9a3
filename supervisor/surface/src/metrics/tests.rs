use std::collections::BTreeSet;

use super::*;

fn everything_happens() {
    child_started("aws");
    child_started("random");
    child_ended("aws", "done", Duration::from_secs(3));
    children_rss(5 << 20);
    child_killed("term");
    account_ended("aws", "failed");
    account_ended("random", "done");
    collector_ended("aws", Duration::from_secs(100));
    collector_failed("gcp");
    account_committed(3121, 4090);
    faults("aws", "access_denied", 7);
    run_ended("done", Duration::from_secs(110));
    build_info("1.2.3");
    connected("actions", true);
    collector_succeeded("aws", 1_796_225_400);
    run_accounts("waiting", 3);
    merge_backlog(2, 4096);
    problems("degraded", 1);
    merge_ended("merged", Duration::from_millis(700));
    uploaded(15_400_000);
    reconnected("actions");
    spool_bytes(1 << 20);
    child_wall("files", true);
    task_ended("tag", "done", Duration::from_millis(40));
    cleanup_ended(Duration::from_secs(10));
    resource_cleaned("aws", "aws_ec2_volume", true, Duration::from_secs(1));
}

#[test]
fn whatever_happens_is_counted_under_the_names_of_the_table() {
    let (recorder, handle) = local();
    ::metrics::with_local_recorder(&recorder, everything_happens);
    let text = handle.render();
    for line in [
        "fixworker_children_running{collector=\"aws\"} 0",
        "fixworker_children_running{collector=\"random\"} 1",
        "fixworker_children_rss_bytes 5242880",
        "fixworker_attempts_total{collector=\"aws\",outcome=\"done\"} 1",
        "fixworker_attempt_seconds_sum{collector=\"aws\"} 3",
        "fixworker_kills_total{stage=\"term\"} 1",
        "fixworker_accounts_total{collector=\"aws\",state=\"failed\"} 1",
        "fix_plugin_aws_unhandled_account_exceptions_total 1",
        "fix_plugin_aws_collect_seconds_count 1",
        "fix_plugin_aws_collect_seconds_bucket{le=\"120\"} 1",
        "fix_unhandled_plugin_exceptions_total{plugin=\"gcp\"} 1",
        "fixworker_nodes_total 3121",
        "fixworker_edges_total 4090",
        "fixworker_faults_total{collector=\"aws\",kind=\"access_denied\"} 7",
        "fixworker_runs_total{result=\"done\"} 1",
        "fixworker_build_info{version=\"1.2.3\"} 1",
        "fixworker_connected{connection=\"actions\"} 1",
        "fixworker_last_success_timestamp_seconds{collector=\"aws\"} 1796225400",
        "fixworker_run_accounts{state=\"waiting\"} 3",
        "fixworker_merge_backlog_accounts 2",
        "fixworker_merge_backlog_bytes 4096",
        "fixworker_problems{state=\"degraded\"} 1",
        "fixworker_merges_total{outcome=\"merged\"} 1",
        "fixworker_merge_seconds_bucket{le=\"1\"} 1",
        "fixworker_uploaded_bytes_total 15400000",
        "fixworker_reconnects_total{connection=\"actions\"} 1",
        "fixworker_spool_bytes 1048576",
        "fixworker_child_wall{wall=\"files\"} 1",
        "fixworker_tasks_total{task=\"tag\",result=\"done\"} 1",
        "fixworker_task_seconds_count 1",
        "fix_cleanup_seconds_sum 10",
        "resource_cleanup_exceptions_total{cloud=\"aws\",kind=\"aws_ec2_volume\"} 1",
        "fix_resource_cleanup_seconds_count 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    // A function that records a name that is not in the table would have no description.
    let described: BTreeSet<_> =
        text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next()).collect();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().expect("a name");
        assert!(described.contains(name), "{name} has no description");
    }
    for Metric { name, .. } in TABLE {
        assert!(described.contains(name), "{name} was never recorded");
    }
}

#[test]
fn what_has_no_label_is_there_from_the_start() {
    let (_recorder, handle) = local();
    let text = handle.render();
    for metric in TABLE.iter().filter(|metric| metric.labels.is_empty()) {
        let line = match metric.kind {
            Histogram(_) => format!("{}_count 0", metric.name),
            Counter | Gauge => format!("{} 0", metric.name),
        };
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[test]
fn names_are_distinct_and_follow_the_conventions() {
    let names: BTreeSet<_> = TABLE.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), TABLE.len());
    for metric in TABLE {
        assert_eq!(metric.name.ends_with("_total"), metric.kind == Counter, "{}", metric.name);
    }
}

#[test]
fn no_metric_has_a_label_for_an_account() {
    let (recorder, handle) = local();
    ::metrics::with_local_recorder(&recorder, everything_happens);
    assert!(!handle.render().contains("account=\""));
}
