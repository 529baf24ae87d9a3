//! One call or listing with the credentials of the environment, and what it costs:
//! `call REGION SERVICE OPERATION [PARAMETERS] [--role ARN] [--repeat N]`
//!
//! `AWS_ENDPOINT_URL` leads it to a mock server.

use std::process::ExitCode;
use std::time::Instant;

use aws_client::{CallError, Client, Login, Role, Session, Settings, Target};
use serde_json::Value;

#[derive(Debug, Default)]
struct Arguments {
    words: Vec<String>,
    role: Option<String>,
    repeat: u32,
}

fn arguments() -> Arguments {
    let mut arguments = Arguments { repeat: 1, ..Arguments::default() };
    let mut given = std::env::args().skip(1);
    while let Some(word) = given.next() {
        match word.as_str() {
            "--role" => arguments.role = given.next(),
            "--repeat" => arguments.repeat = given.next().and_then(|n| n.parse().ok()).unwrap_or(1),
            _ => arguments.words.push(word),
        }
    }
    arguments
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "an example for the terminal")]
async fn main() -> ExitCode {
    let arguments = arguments();
    let [region, service, operation, rest @ ..] = arguments.words.as_slice() else {
        eprintln!("call REGION SERVICE OPERATION [PARAMETERS] [--role ARN] [--repeat N]");
        return ExitCode::from(2);
    };
    let params = rest.first().map_or(Ok(Value::Null), |text| serde_json::from_str(text));
    let Ok(params) = params else {
        eprintln!("the parameters are not JSON");
        return ExitCode::from(2);
    };
    match run(region, service, operation, &params, &arguments).await {
        Ok(pages) => {
            println!("{pages} pages");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}\nhint: {}", error.to_fault().hint.unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "an example for the terminal")]
async fn run(
    region: &str,
    service: &str,
    operation: &str,
    params: &Value,
    arguments: &Arguments,
) -> Result<usize, CallError> {
    let begin = (Instant::now(), cpu_ms());
    let client = Client::new(Settings::default()).await?;
    let session = session(&client, region, arguments.role.as_deref()).await?;
    session.check().await?;
    println!("ready after {:?}, {} ms CPU, rss {} KiB", begin.0.elapsed(), cpu_ms() - begin.1, rss_kib());
    let target = Target { session: &session, region, account: "", deadline: None };
    let (mut count, mut calls) = (0, None);
    for at in 0..arguments.repeat {
        let mut pages = client.pages(&target, service, operation, params.clone());
        while let Some(page) = pages.next().await {
            let page = page?;
            if at == 0 {
                println!("{}", serde_json::to_string_pretty(&page).unwrap_or_default());
            }
            count += 1;
        }
        // The first call reads tables and opens a connection.
        calls.get_or_insert_with(|| (client.answers(), Instant::now(), cpu_ms()));
    }
    if let Some((answers, at, cpu)) = calls.filter(|_| arguments.repeat > 1) {
        let answers = client.answers() - answers;
        println!(
            "{answers} calls in {:?}, {:.3} ms CPU each, rss {} KiB",
            at.elapsed(),
            f64::from(cpu_ms() - cpu) / f64::from(u32::try_from(answers).unwrap_or(u32::MAX)),
            rss_kib()
        );
    }
    Ok(count)
}

async fn session(client: &Client, region: &str, role: Option<&str>) -> Result<Session, CallError> {
    let base = client.session(Login::Environment).await?;
    Ok(match role {
        None => base,
        Some(arn) => {
            let role = Role::of_arn(arn, region, &client.unique());
            client.assume(&base, role)
        }
    })
}

/// User and system time of this process; ticks are 10 ms.
fn cpu_ms() -> u32 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok());
    ticks.sum::<u32>() * 10
}

fn rss_kib() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
