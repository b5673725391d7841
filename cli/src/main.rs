//! `promptswitch`: validate, explain and probe a policy, import an older one, measure the classifier.
//!
//! It runs the parser, the engine and the model that the filter runs, so what it says holds in Envoy.

mod classify;
mod eval;
mod explain;
mod import;
mod load;
mod metrics;
mod probe;
mod schema;
mod scorer;
mod validate;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Validate(validate::Arguments),
    Explain(explain::Arguments),
    Probe(probe::Arguments),
    Import(import::Arguments),
    Schema(schema::Arguments),
    Classify(classify::Arguments),
    Eval(eval::Arguments),
}

/// What a command prints; each text is empty or ends with a newline.
#[derive(Default)]
struct Printed {
    /// To standard output.
    out: String,
    /// To standard error.
    notes: String,
    /// Whether the exit status is 1 all the same.
    failed: bool,
}

/// An error is printed to standard error, and the exit status is 1.
type Outcome = Result<Printed, String>;

impl From<String> for Printed {
    fn from(out: String) -> Printed {
        Printed {
            out,
            ..Printed::default()
        }
    }
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Probe(arguments) => probe::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Classify(arguments) => classify::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
    };
    let printed = outcome.unwrap_or_else(|notes| Printed {
        notes,
        failed: true,
        ..Printed::default()
    });
    // A reader that closed the pipe has seen enough.
    let _ = std::io::stdout().write_all(printed.out.as_bytes());
    let _ = std::io::stderr().write_all(printed.notes.as_bytes());
    if printed.failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
