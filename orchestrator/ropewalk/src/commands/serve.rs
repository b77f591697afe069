//! `ropewalk serve`: the daemon, in the foreground for people, or as clients start it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use orchestrator_daemon::{DaemonConfig, LISTEN_DEFAULT, SLOTS_DEFAULT, ServeConfig, Serving};
use serde_json::{Value, json};

use super::Outcome;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::BACKGROUND_IDLE;
use crate::output::tables::fields;
use crate::output::text;
use crate::{printing, reaching};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The configuration [default: `ropewalk.yaml` in the project's root, if it is there]
    #[arg(long, value_name = "F")]
    config: Option<PathBuf>,
    /// Where to listen [default: what the configuration says, else 127.0.0.1:7575]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Print what would be served, and how, and end
    #[arg(long)]
    print_config: bool,
    /// Serve the state folder's own clients only, and end when nobody needs it any more
    #[arg(long, hide = true, conflicts_with_all = ["config", "listen", "print_config"])]
    background: bool,
}

/// What is to be served.
struct Settings {
    state_dir: PathBuf,
    config_file: Option<PathBuf>,
    config: ServeConfig,
}

pub(crate) fn execute(arguments: &Arguments, context: &Context) -> Outcome {
    let settings = Settings::read(arguments, context)?;
    if arguments.print_config {
        settings.print(context)?;
        return Ok(Exit::Success);
    }
    if arguments.background {
        attempt_keeper::enter_own_session();
    }
    log_to_stderr(settings.config.log.as_deref())?;
    let config = settings.daemon(arguments.background)?;
    orchestrator_daemon::serve(config).map_err(|error| {
        let dir = settings.state_dir.display();
        CliError::unusable(format!("the daemon of {dir} cannot go on")).because(error)
    })?;
    Ok(Exit::Success)
}

impl Settings {
    fn read(arguments: &Arguments, context: &Context) -> Result<Self, CliError> {
        let state_dir = context.state_folder(arguments.config.as_deref())?;
        let config_file = match &arguments.config {
            Some(file) => Some(std::path::absolute(file).map_err(|e| {
                CliError::usage(format!("`{}` is no path of a file", file.display())).because(e)
            })?),
            None => reaching::config_file(&state_dir),
        };
        let mut config = reaching::read_config(config_file.as_deref())?;
        if arguments.listen.is_some() {
            config.listen.clone_from(&arguments.listen);
        }
        Ok(Self {
            state_dir,
            config_file,
            config,
        })
    }

    fn daemon(&self, background: bool) -> Result<DaemonConfig, CliError> {
        let idle_end = background.then_some(BACKGROUND_IDLE);
        let config = reaching::daemon_config(&self.state_dir, &self.config, idle_end)?;
        let address = || {
            let address = self.config.address();
            address.map_err(|e| CliError::usage("there is nothing to serve at").because(e))
        };
        let serving = if background {
            None
        } else {
            Some(Serving {
                listen: address()?,
                tokens: self.config.tokens.clone(),
                config_file: self.config_file.clone(),
                tls: self.config.tls.clone(),
            })
        };
        Ok(DaemonConfig { serving, ..config })
    }

    fn print(&self, context: &Context) -> Result<(), CliError> {
        let config = &self.config;
        let path = |path: &Path| path.display().to_string();
        let file = self.config_file.as_deref().map(path);
        let listen = config.listen.as_deref().unwrap_or(LISTEN_DEFAULT);
        let slots = config.slots.unwrap_or(SLOTS_DEFAULT);
        let tls = config.tls.as_ref();
        let limits = &config.limits;
        if context.is_json() {
            let tokens = config.tokens.iter();
            let tokens: Vec<Value> = tokens
                .map(|token| json!({"name": token.name, "scope": token.scope.word()}))
                .collect();
            return printing::document(&json!({
                "version": 1,
                "config_file": file,
                "state_dir": path(&self.state_dir),
                "listen": listen,
                "slots": slots,
                "pools": config.pools,
                "log": config.log,
                "traces": config.traces,
                "limits": {
                    "head_ms": milliseconds(limits.head),
                    "body_ms": milliseconds(limits.body),
                    "unread_ms": milliseconds(limits.unread),
                    "listener_ms": milliseconds(limits.listener),
                    "connections": limits.connections,
                },
                "tokens": tokens,
                "tls": tls.map(|tls| json!({"certificate": path(&tls.certificate), "key": path(&tls.key)})),
            }));
        }
        let tokens = config.tokens.iter();
        let tokens: Vec<String> = tokens
            .map(|token| format!("{} ({})", token.name, token.scope.word()))
            .collect();
        let pools = config.pools.iter();
        let pools: Vec<String> = pools
            .map(|(name, places)| format!("{name}: {places}"))
            .collect();
        printing::print(&fields(&[
            ("config", file.unwrap_or_default()),
            ("state", path(&self.state_dir)),
            ("listen", listen.to_owned()),
            ("slots", slots.to_string()),
            ("pools", pools.join("\n")),
            ("log", config.log.clone().unwrap_or_default()),
            ("traces", config.traces.clone().unwrap_or_default()),
            (
                "limits",
                format!(
                    "head {}, body {}, unread {}, listener {}, connections {}",
                    text::duration(limits.head),
                    text::duration(limits.body),
                    text::duration(limits.unread),
                    text::duration(limits.listener),
                    limits.connections,
                ),
            ),
            ("tokens", tokens.join("\n")),
            (
                "tls",
                tls.map_or_else(String::new, |tls| path(&tls.certificate)),
            ),
        ]))
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// daemon.log: what the daemon tells. How much of it, `ROPEWALK_LOG` says, else the configuration.
fn log_to_stderr(levels: Option<&str>) -> Result<(), CliError> {
    let given = std::env::var("ROPEWALK_LOG").ok();
    let levels = given.as_deref().or(levels).unwrap_or("info");
    let filter = tracing_subscriber::EnvFilter::try_new(levels).map_err(|e| {
        CliError::usage(format!("`{levels}` says nothing about what to log"))
            .because(e)
            .hint("give a level (error, warn, info, debug) or levels by module: `info,run_store=debug`")
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    Ok(())
}
