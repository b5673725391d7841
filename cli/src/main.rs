//! `promptswitch`: validate a policy, explain a decision, measure the classifier.
//!
//! It runs the parser, the engine and the model that the filter runs, so what it says holds in Envoy.

mod classify;
mod eval;
mod explain;
mod load;
mod metrics;
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
    Classify(classify::Arguments),
    Eval(eval::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Classify(arguments) => classify::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
    };
    // A reader that closed the pipe has seen enough.
    match result {
        Ok(text) => {
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(text) => {
            let _ = std::io::stderr().write_all(text.as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// What a command prints: to standard output, or to standard error with exit status 1. Ends with a newline.
type Outcome = Result<String, String>;
