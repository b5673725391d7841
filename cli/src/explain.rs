//! `promptswitch explain`

mod show;

use std::path::PathBuf;

use promptswitch_policy::{
    Api, Context, Edit, Endpoints, Mode, Policy, Reason, Request, Scorer, Trace, Verdict,
};

use crate::scorer::Model;
use crate::{Outcome, load};
use show::Explanation;

/// The most that a policy can allow.
const MAX_BODY_BYTES: u64 = 1 << 30; // 1 GiB

/// Show what a policy decides about a request, and why
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The policy, in YAML or JSON
    file: PathBuf,
    /// The request body
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// The request path
    #[arg(long, default_value = "/v1/chat/completions")]
    path: String,
    /// A request header; may be given several times
    #[arg(long, value_name = "NAME:VALUE", value_parser = parse_header)]
    header: Vec<(String, String)>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut model = Model::new();
    let document = load::document(&arguments.file)?;
    let (policy, _) = load::policy(&document, &arguments.file, &mut model)?;
    let body = load::bytes(&arguments.request, MAX_BODY_BYTES)?;
    let (mut verdict, trace) = judge(&policy, arguments, &body, &mut model);
    // As a worker that has just started would.
    policy.place(&mut verdict, &mut Endpoints::default(), 0);
    let explanation = explain(&policy, arguments, verdict, trace, &body);
    Ok(if arguments.json {
        explanation.as_json()
    } else {
        explanation.as_text()
    }
    .into())
}

/// The steps of the filter, from the path on; then those that it spares itself.
fn judge(policy: &Policy, arguments: &Arguments, body: &[u8], scorer: &mut dyn Scorer) -> (Verdict, Trace) {
    let find = |name: &str| {
        let found = arguments.header.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone().into_bytes())
    };
    let context = Context {
        headers: &find,
        ..Context::default()
    };
    match view(policy, arguments, body) {
        Ok(request) => {
            let verdict = policy.decide(&request, &context, scorer);
            // The verdict already tells why there is none.
            let trace = policy.trace(&request, &context, scorer).unwrap_or_default();
            (verdict, trace)
        }
        Err(reason) => (policy.fallback(reason), Trace::default()),
    }
}

fn view<'b>(policy: &Policy, arguments: &Arguments, body: &'b [u8]) -> Result<Request<'b>, Reason> {
    let settings = policy.settings();
    let api: Api = settings
        .api_for_path(arguments.path.as_bytes())
        .ok_or(Reason::NotChatPath)?;
    if settings.mode == Mode::Headers {
        return Err(Reason::HeadersMode);
    }
    if body.len() > settings.limits.max_body_bytes {
        return Err(Reason::BodyTooLarge);
    }
    Request::parse(api, body)
}

fn explain(
    policy: &Policy,
    arguments: &Arguments,
    verdict: Verdict,
    trace: Trace,
    body: &[u8],
) -> Explanation {
    let owned = |text: (&str, String)| (text.0.to_owned(), text.1);
    let debug = arguments
        .header
        .iter()
        .any(|(name, value)| name == "x-vsr-debug" && value == "true");
    let sent = arguments.header.iter().map(|(name, _)| name);
    let kept = |name: &str| {
        let mut headers = arguments
            .header
            .iter()
            .filter(|(sent, _)| sent == name && !policy.owned_headers().contains(sent));
        headers.next().map(|(_, value)| value.clone().into_bytes())
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let change = |edit: &Edit| {
        (
            text(body.get(edit.range.clone()).unwrap_or_default()),
            text(&edit.with),
        )
    };
    Explanation {
        removed: sent
            .filter(|name| policy.owned_headers().contains(name))
            .cloned()
            .collect(),
        request_headers: policy
            .request_headers(&verdict, &kept)
            .into_iter()
            .map(owned)
            .collect(),
        response_headers: policy
            .response_headers(&verdict, debug)
            .into_iter()
            .map(owned)
            .collect(),
        changes: verdict.edits.iter().map(change).collect(),
        trace,
        verdict,
    }
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("must be NAME:VALUE")?;
    Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
}
