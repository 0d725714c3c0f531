//! `repair`: a plan for a directory that `open` refuses, and carrying it out.

use std::io;
use std::path::PathBuf;

use clap::Args;
use raft_log_codec::Grouped;

use super::console::{Console, open_directory, scan_failure};
use super::flags::{Form, OutputForm};
use super::outcome::{Ended, Outcome, Stop};
use crate::listing::{Ink, count};
use crate::opening::full_text;
use crate::repair::{Advice, Applied, ApplyFault, Loss, Plan, VoteFate, advise, apply};
use crate::{ScanOptions, escape, scan_storage};

/// Plan how to mend a directory that open() refuses; nothing is changed without --apply
#[derive(Debug, Args)]
pub(super) struct Repair {
    /// The directory of the log
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Carry the plan out; the log must not be open
    #[arg(long)]
    apply: bool,

    /// Allow that what follows this entry is lost; `none` for all entries
    #[arg(long, value_name = "TERM:INDEX", requires = "apply")]
    accept_data_loss_after: Option<String>,

    #[command(flatten)]
    form: Form,
}

impl Repair {
    pub(super) fn run(&self, console: &mut Console) -> Ended {
        if let Some(text) = &self.accept_data_loss_after {
            let is_id = text.split_once(':').is_some_and(|(term, index)| {
                let is_number =
                    |text: &str| text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u64>().is_ok();
                is_number(term) && is_number(index)
            });
            if !is_id && text != "none" {
                return Err(Stop::usage(format!("{text:?} is no TERM:INDEX and not `none`")));
            }
        }
        let storage = open_directory(&self.directory)?;
        scan_storage(storage.clone(), ScanOptions::default()).map_err(|error| scan_failure(&error))?;
        match advise(&storage) {
            Advice::Nothing => {
                match self.form.output {
                    OutputForm::Json => console.line("null")?,
                    OutputForm::Text | OutputForm::Csv => {
                        console.line("-- nothing to repair: open() accepts the directory")?;
                    }
                }
                Ok(Outcome::Clean)
            }
            Advice::Unsteady => Err(Stop::cannot_read(
                "the directory changes while it is looked at: somebody has the log open",
            )),
            Advice::Hopeless { error, why } => {
                console.say(&format!("open() would refuse: {}", full_text(&error)));
                let text = format!(
                    "no repair is offered: {why}. If files cannot be restored, replace this member of the cluster under a new id"
                );
                let outcome = match &error {
                    raft_log_chunk::RecoveryError::Io { .. }
                    | raft_log_chunk::RecoveryError::Unsupported { .. } => Outcome::CannotRead,
                    _ => Outcome::Refused,
                };
                Err(Stop::Failed(outcome, text))
            }
            Advice::Plan(plan) if !self.apply => {
                self.show(&plan, console)?;
                Ok(Outcome::Refused)
            }
            Advice::Plan(_) => self.carry_out(&storage, console),
        }
    }

    fn carry_out(
        &self,
        storage: &std::sync::Arc<dyn raft_log_chunk::Storage>,
        console: &mut Console,
    ) -> Ended {
        match apply(storage, self.accept_data_loss_after.as_deref()) {
            Ok(Applied { plan, set_aside }) => {
                self.show(&plan, console)?;
                if self.form.output == OutputForm::Text {
                    for name in set_aside {
                        console.line(&format!("-- renamed to {name}"))?;
                    }
                    console.line(&format!(
                        "-- done: the log ends at {}, and open() accepts it",
                        plan.loss_name()
                    ))?;
                }
                Ok(Outcome::Clean)
            }
            Err(ApplyFault::Locked(why)) => Err(Stop::Failed(Outcome::Locked, why)),
            Err(ApplyFault::Changed) => Err(Stop::cannot_read(
                "the directory is not as it was a moment ago; nothing was changed, look again",
            )),
            Err(ApplyFault::NotAccepted(plan)) => {
                self.show(&plan, console)?;
                console.flush()?;
                let named = match &self.accept_data_loss_after {
                    Some(text) => format!("{text} was named, and this plan keeps up to {}", plan.loss_name()),
                    None => "this is not safe".to_owned(),
                };
                let text = format!(
                    "nothing was changed: {named}. If it is to be done all the same: --apply --accept-data-loss-after {}",
                    plan.loss_name()
                );
                Err(Stop::Failed(Outcome::Refused, text))
            }
            Err(ApplyFault::Failed(why)) => Err(Stop::cannot_read(why)),
        }
    }

    fn show(&self, plan: &Plan, console: &mut Console) -> io::Result<()> {
        if self.form.output == OutputForm::Json {
            return console.line(&serde_json::to_string(plan).map_err(io::Error::from)?);
        }
        if self.form.output == OutputForm::Csv {
            console.line("field,value")?;
            let object = serde_json::to_value(plan).map_err(io::Error::from)?;
            for (name, value) in object.as_object().into_iter().flatten() {
                console.line(&format!("{name},{}", crate::listing::csv_cell(value)))?;
            }
            return Ok(());
        }
        let paint = self.form.color.paint();
        let mut row = |name: &str, ink: Option<Ink>, text: &str| {
            let text = escape(text);
            let text = ink.map_or(text.clone(), |ink| paint.paint(ink, &text));
            console.line(&format!("{}  {text}", paint.paint(Ink::Heading, &format!("{name:<8}"))))
        };
        row("refused", None, &plan.refused)?;
        let aside = match plan.set_aside.as_slice() {
            [] => String::new(),
            names => {
                format!(", and {} renamed aside", count(names.len() as u64, "newer chunk", "newer chunks"))
            }
        };
        row(
            "plan",
            None,
            &format!(
                "the log ends at {} of {}; {} is made behind it{aside}",
                Grouped(plan.end_offset),
                plan.end_chunk,
                plan.successor
            ),
        )?;
        let none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        let kept = &plan.kept;
        row(
            "keeps",
            Some(Ink::Good),
            &format!(
                "{}, last {}, committed {}, purged {}",
                count(kept.entries, "entry", "entries"),
                none(&kept.last),
                none(&kept.committed),
                none(&kept.purged)
            ),
        )?;
        if !kept.damaged.is_empty() {
            let list: Vec<String> = kept.damaged.iter().take(10).map(u64::to_string).collect();
            let more = if kept.damaged.len() > 10 { ", …" } else { "" };
            let text = format!(
                "the payload of {}{more} cannot be read, and reading it says so; other members have it if it is committed",
                list.join(", ")
            );
            row("damaged", Some(Ink::Warning), &text)?;
        }
        for line in loss_lines(&plan.loss) {
            row("loses", Some(Ink::Bad), &line)?;
        }
        if plan.loss.vote == VoteFate::Carried {
            row("vote", None, "a later one was found behind the end, and is written again")?;
        }
        if plan.is_safe {
            row(
                "safe",
                Some(Ink::Good),
                "nothing is lost that this node may have promised: --apply carries it out",
            )
        } else {
            row(
                "UNSAFE",
                Some(Ink::Bad),
                "this node may have acknowledged what is lost. Replace this member of the cluster under a new id instead",
            )?;
            let name = plan.loss_name();
            row("", None, &format!("if there is no other way: --apply --accept-data-loss-after {name}"))
        }
    }
}

fn loss_lines(loss: &Loss) -> Vec<String> {
    let mut lines = Vec::new();
    let committed = match loss.committed {
        Some(index) if loss.loses_committed => format!("; COMMITTED up to index {index}"),
        _ => "; not known here to be committed, and may be all the same".to_owned(),
    };
    match loss.entries {
        Some((first, last)) => {
            let entries = count(last - first + 1, "entry", "entries");
            lines.push(format!("{entries}, index {first} to {last}{committed}"));
        }
        None if loss.maybe_more => lines.push(format!("an unknown number of entries{committed}")),
        None => {}
    }
    if loss.maybe_more && loss.entries.is_some() {
        lines.push("and what was in bytes that cannot be read".to_owned());
    }
    if loss.vote == VoteFate::Unknown {
        lines.push("perhaps the vote: a later one may have been in what cannot be read".to_owned());
    }
    lines
}
