//! `promptswitch schema`

mod json;
mod keys;
mod page;

use crate::Outcome;

/// Print a JSON Schema of the configuration, for editors
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print the reference page instead, in Markdown
    #[arg(long)]
    reference: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let sections = keys::sections().map_err(|why| format!("error: {why}\n"))?;
    Ok(if arguments.reference {
        page::page(&sections)
    } else {
        format!("{:#}\n", json::schema(&sections))
    }
    .into())
}
