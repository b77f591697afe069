//! `ropewalk retry RUN [STEP]`: a new run of a finished one, into which what succeeded is carried over.

use clap::Args;
use orchestrator_api::RetryRequest;

use super::{Outcome, attend, resume};
use crate::context::Context;
use crate::following::From;
use crate::reaching::Reach;
use crate::signals::Signals;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The finished run: an id, a unique prefix of at least 4, or `latest`
    run: String,
    /// Run only this step and what depends on it again [default: all that did not succeed]
    step: Option<String>,
}

pub(crate) async fn execute(arguments: Arguments, context: &Context) -> Outcome {
    let mut reach = Reach::new(context.state_folder(None)?, context);
    if !reach.is_somewhere() {
        return Err(resume::nothing_yet(&reach));
    }
    let client = reach.changing().await?;
    let request = RetryRequest {
        step: arguments.step,
    };
    let signals = Signals::new()?;
    let status = client.retry(&arguments.run, &request).await?;
    let begin = ("started", From::Start);
    attend::attend(&mut reach, client, &status, begin, signals, context).await
}
