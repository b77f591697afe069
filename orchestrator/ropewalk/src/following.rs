//! Following a run to its end, whatever happens to the daemon on the way.
//!
//! A daemon that died is started again by whoever watches; ctrl-C cancels the run that is followed
//! and no other. It does not know how a run is shown: that is the progress it is given.

use std::time::{Duration, Instant};

use orchestrator_api::{
    AnswerRequest, CancelRequest, Client, ClientError, EventLine, EventStream, EventsQuery,
    ReasonCode, RunState, Status, Step, StepState,
};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use crate::asking::{Asking, Line};
use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::{LOOK_PAUSE, REACH_PAUSE, REDRAW_MIN};
use crate::output::progress::Progress;
use crate::output::text;
use crate::person;
use crate::picture::Picture;
use crate::reaching::Reach;
use crate::signals::{Caught, Signals};

/// How following ended.
#[derive(Debug)]
pub(crate) enum Followed {
    /// The run is over, or nobody here can let it go on.
    Ended {
        /// The run as it is now.
        status: Box<Status>,
        /// What follows for this process.
        exit: Exit,
    },
    /// The user left; the run goes on, or is being cancelled.
    Left(Exit),
}

/// From where on a run is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// From its creation: it is this client's own.
    Start,
    /// From how its status document shows it.
    Now,
}

/// Follows a run that stands as `status` says.
pub(crate) async fn follow(
    reach: &mut Reach,
    client: Client,
    (status, from): (&Status, From),
    (progress, signals): (Progress, Signals),
) -> Result<(Followed, Client), CliError> {
    let picture = match from {
        From::Start => Picture::at_start(status),
        From::Now => Picture::new(status),
    };
    let mut follower = Follower {
        reach,
        client,
        run: status.run_id.to_string(),
        after: picture.seq,
        picture,
        progress,
        signals,
        ticks: ticks(),
        look: Look::new(),
        drawn: false,
        asking: Asking::new(status),
        interrupted: false,
        cancel_due: false,
    };
    follower.progress.standing(&follower.picture);
    let left = follower.until_end().await;
    follower.progress.end();
    let waits = match left? {
        Until::Left(exit) => return Ok((Followed::Left(exit), follower.client)),
        Until::Waits => true,
        Until::Ended => false,
    };
    let status = follower.final_status().await?;
    let exit = match status.state {
        _ if follower.interrupted => Exit::Interrupted,
        state if waits && !state.is_ended() => Exit::Waiting,
        state => Exit::of_run(state),
    };
    let status = Box::new(status);
    Ok((Followed::Ended { status, exit }, follower.client))
}

struct Follower<'a> {
    reach: &'a mut Reach,
    client: Client,
    run: String,
    picture: Picture,
    /// Number of the last event that was told.
    after: u64,
    progress: Progress,
    signals: Signals,
    ticks: Interval,
    /// When to look what the run waits for, unless something happens before.
    look: Look,
    /// Whether the picture on the screen is the present one.
    drawn: bool,
    /// What the run's steps ask whoever watches.
    asking: Asking,
    /// Whether the user pressed ctrl-C.
    interrupted: bool,
    /// Whether the run is still to be asked to end.
    cancel_due: bool,
}

/// Looks at a run to which nothing happens: ever more rarely, for most often a step just takes long.
struct Look {
    last: Instant,
    pause: Duration,
    said: String,
}

impl Look {
    fn new() -> Self {
        Self {
            last: Instant::now(),
            pause: LOOK_PAUSE.0,
            said: String::new(),
        }
    }

    fn happened(&mut self) {
        self.last = Instant::now();
        self.pause = LOOK_PAUSE.0;
    }

    fn is_due(&mut self) -> bool {
        let is_due = self.last.elapsed() >= self.pause;
        if is_due {
            self.last = Instant::now();
            self.pause = (self.pause * 2).min(LOOK_PAUSE.1);
        }
        is_due
    }

    /// What was not said before.
    fn news(&mut self, text: String) -> Option<String> {
        (text != self.said).then(|| {
            self.said.clone_from(&text);
            text
        })
    }
}

/// Until when a run was followed.
enum Until {
    /// It is over.
    Ended,
    /// It waits for a person, and there is none here.
    Waits,
    /// The user left.
    Left(Exit),
}

/// What ends a connection.
enum Break {
    /// The run is over.
    RunEnded,
    /// The daemon closed the stream in good order.
    Closed,
    /// The connection broke.
    Lost,
    /// Nobody here can let the run go on.
    Waits,
    /// The user leaves.
    Left(Exit),
}

/// What comes next on a connection.
enum Next {
    Event(Result<Option<Box<EventLine>>, ClientError>),
    Signal(Caught),
    Line(Line),
    Tick,
}

impl Follower<'_> {
    /// Until the run is over, over as many connections as it takes.
    async fn until_end(&mut self) -> Result<Until, CliError> {
        while !self.picture.state.is_ended() {
            match self.connection().await? {
                Break::RunEnded => break,
                Break::Waits => return Ok(Until::Waits),
                Break::Left(exit) => return Ok(Until::Left(exit)),
                Break::Closed => self.find_successor().await?,
                Break::Lost => {
                    self.progress.note("the daemon is gone; starting it again");
                    if let Some(exit) = self.start_again().await? {
                        return Ok(Until::Left(exit));
                    }
                }
            }
        }
        Ok(Until::Ended)
    }

    async fn connection(&mut self) -> Result<Break, CliError> {
        if self.cancel_due && !self.cancel().await? {
            return Ok(Break::Lost);
        }
        if self.waits_for_nobody().await {
            return Ok(Break::Waits);
        }
        let query = EventsQuery {
            after: Some(self.after),
            follow: true,
        };
        let mut events = match self.client.events(Some(&self.run), &query).await {
            Ok(events) => events,
            Err(error) => return lost(error),
        };
        loop {
            match self.next(&mut events).await {
                Next::Tick => {
                    self.redraw();
                    if self.look().await {
                        return Ok(Break::Waits);
                    }
                }
                Next::Event(Ok(Some(event))) => {
                    self.take(&event)?;
                    if event.event_type.ends_run() {
                        return Ok(Break::RunEnded);
                    }
                    if self.waits_for_nobody().await {
                        return Ok(Break::Waits);
                    }
                }
                Next::Event(Ok(None)) => return Ok(Break::Closed),
                Next::Event(Err(error)) => return lost(error),
                Next::Line(line) => {
                    if !self.typed(line).await? {
                        return Ok(Break::Lost);
                    }
                    if self.waits_for_nobody().await {
                        return Ok(Break::Waits);
                    }
                }
                Next::Signal(caught) => {
                    if let Some(exit) = self.on_signal(caught) {
                        return Ok(Break::Left(exit));
                    }
                    if !self.cancel().await? {
                        return Ok(Break::Lost);
                    }
                }
            }
        }
    }

    /// The next thing that happens. Waiting for an event may be given up without losing it.
    async fn next(&mut self, events: &mut EventStream) -> Next {
        tokio::select! {
            biased;
            caught = self.signals.next() => Next::Signal(caught),
            event = events.next() => Next::Event(event.map(|event| event.map(Box::new))),
            line = self.asking.next() => Next::Line(line),
            _ = self.ticks.tick() => Next::Tick,
        }
    }

    fn take(&mut self, event: &EventLine) -> Result<(), CliError> {
        self.after = event.seq;
        self.reach.progressed();
        self.look.happened();
        let step = self.picture.apply(event);
        self.progress.event(event, step)?;
        self.asking.take(event);
        self.drawn = false;
        Ok(())
    }

    /// Whether the run waits for a person and nobody can be asked here. The event that says so may be
    /// an old one.
    async fn waits_for_nobody(&mut self) -> bool {
        if self.picture.state != RunState::Waiting || self.asking.somebody() || self.interrupted {
            return false;
        }
        let status = self.client.status(&self.run).await;
        status.is_ok_and(|status| status.state == RunState::Waiting)
    }

    /// Sends an answer that was typed; false if nobody could be told.
    async fn typed(&mut self, line: Line) -> Result<bool, CliError> {
        let typed = match line {
            Line::Answer(typed) => typed,
            Line::Unclear(text) => {
                self.progress.note(&text);
                return Ok(true);
            }
            Line::Closed => return Ok(true),
        };
        let answer = AnswerRequest {
            by: person::name(),
            reason: typed.reason,
        };
        let (client, run, step) = (&self.client, &self.run, &typed.step);
        let answered = if typed.approves {
            client.approve(run, step, &answer).await
        } else {
            client.reject(run, step, &answer).await
        };
        match answered {
            Ok(_) => {}
            Err(error) if error.is_disconnect() => return Ok(false),
            Err(error) => match error.problem() {
                // Somebody else was faster, or it was too late.
                Some(problem) => self.progress.note(&text::printable(&problem.detail)),
                None => return Err(error.into()),
            },
        }
        self.asking.close(step);
        Ok(true)
    }

    fn redraw(&mut self) {
        if let Some(question) = self.asking.show() {
            self.progress.note(&question);
        }
        if !self.drawn {
            self.progress.redraw(&self.picture);
            self.drawn = true;
        }
    }

    /// Says what the run waits for, if nothing has happened for a while; whether that is for a person,
    /// and nobody is here. It is told by no event.
    async fn look(&mut self) -> bool {
        if !self.look.is_due() {
            return false;
        }
        // A connection that is gone is noticed where events are waited for.
        let Ok(status) = self.client.status(&self.run).await else {
            return false;
        };
        let is_left = waits_for_a_secret(&status) && !self.asking.somebody();
        let why = status.reason.filter(|_| !status.state.is_ended());
        if let Some(news) = why.and_then(|why| self.look.news(why.text)) {
            self.progress.note(&text::printable(&news));
        }
        is_left && !self.interrupted
    }

    /// The first ctrl-C cancels the run and goes on following it; the second one leaves.
    fn on_signal(&mut self, caught: Caught) -> Option<Exit> {
        match caught {
            Caught::Terminate => {
                let run = &self.run;
                self.progress.note(&format!(
                    "run {run} goes on; `ropewalk resume {run}` follows it again"
                ));
                Some(Exit::Terminated)
            }
            Caught::Interrupt if self.interrupted => Some(Exit::Interrupted),
            Caught::Interrupt => {
                self.interrupted = true;
                self.cancel_due = true;
                self.progress
                    .note("cancelling the run; ctrl-C again leaves it to the daemon");
                None
            }
        }
    }

    /// Asks the run to end; false if nobody could be asked.
    async fn cancel(&mut self) -> Result<bool, CliError> {
        match self
            .client
            .cancel(&self.run, &CancelRequest::default())
            .await
        {
            Ok(_) => {}
            Err(error) if error.is_disconnect() => return Ok(false),
            // It ended meanwhile: its last event is on its way.
            Err(error) if error.problem().is_some_and(|p| p.status == 409) => {}
            Err(error) => return Err(error.into()),
        }
        self.cancel_due = false;
        Ok(true)
    }

    /// After a daemon that ended in good order: the next one, which somebody else starts.
    async fn find_successor(&mut self) -> Result<(), CliError> {
        // It may have been this run's end that was missed.
        if let Ok(status) = self.client.status(&self.run).await {
            if status.state.is_ended() {
                self.picture = Picture::new(&status);
            }
            // A daemon that is ending may answer for a while after it closed its streams.
            sleep(REACH_PAUSE.1).await;
            return Ok(());
        }
        let run = &self.run;
        self.client = self.reach.successor().await.ok_or_else(|| {
            CliError::unusable("the daemon was stopped; the run goes on with the next one")
                .hint(format!("ropewalk resume {run}"))
        })?;
        Ok(())
    }

    /// Starts the daemon again; an exit if the user leaves meanwhile.
    async fn start_again(&mut self) -> Result<Option<Exit>, CliError> {
        loop {
            let caught = tokio::select! {
                client = self.reach.again() => {
                    self.client = client?;
                    return Ok(None);
                }
                caught = self.signals.next() => caught,
            };
            if let Some(exit) = self.on_signal(caught) {
                return Ok(Some(exit));
            }
        }
    }

    async fn final_status(&mut self) -> Result<Status, CliError> {
        loop {
            match self.client.status(&self.run).await {
                Ok(status) => return Ok(status),
                Err(error) if error.is_disconnect() => self.client = self.reach.again().await?,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether nothing goes on until somebody gives a secret: a step waits for one, and no other step runs
/// or is about to.
fn waits_for_a_secret(status: &Status) -> bool {
    let why = |step: &Step| step.reason.as_ref().map(|reason| reason.code);
    let lacks =
        |step: &Step| step.state == StepState::Waiting && why(step) == Some(ReasonCode::Secret);
    let goes_on = |step: &Step| match step.state {
        StepState::Ready | StepState::Running | StepState::Backoff | StepState::Stuck => true,
        // Without a reason it waits for the steps before it.
        StepState::Waiting => why(step).is_some_and(|code| code != ReasonCode::Secret),
        _ => false,
    };
    status.steps.iter().any(lacks) && !status.steps.iter().any(goes_on)
}

/// A broken connection is no error; anything else is.
fn lost(error: ClientError) -> Result<Break, CliError> {
    if error.is_disconnect() {
        Ok(Break::Lost)
    } else {
        Err(error.into())
    }
}

fn ticks() -> Interval {
    let mut ticks = interval(REDRAW_MIN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
