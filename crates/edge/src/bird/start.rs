//! Starts a BIRD: the first one, or one in the place of another.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use super::control::Control;
use super::hold::Hold;
use super::render::Device;
use super::shut::{Held, Shut};
use super::{Bird, device, dialect, names, ours, parse, process, render, shut};
use crate::program;
use crate::session::{DaemonError, Sessions};

impl Bird {
    /// A BIRD that has the tables of an earlier version would end all sessions to get others, in a way that loses all routes. As
    /// another one in its place, which takes the routes over, it gets the new configuration.
    pub(super) fn reconfigure_or_replace(
        &mut self,
        mut control: Control,
        sessions: &Sessions,
    ) -> Result<(), DaemonError> {
        if !self.is_current && self.settings.spawn {
            let command = format!("show protocols \"{}\"", names::EARLIER_KERNEL_PROTOCOLS);
            let answer = control.show("its kernel protocols", &command)?;
            if !parse::protocols(answer.lines()).is_empty() {
                self.refresh(&mut control)?;
                ours::end(&self.files)?;
                return self.start(sessions);
            }
            self.is_current = true;
        }
        self.reconfigure(control, sessions)
    }

    /// Starts a BIRD with the new configuration.
    pub(super) fn start(&mut self, sessions: &Sessions) -> Result<(), DaemonError> {
        self.is_gone();
        let has_died = self.files.daemon_has_died();
        self.hold = match has_died {
            true => Hold::begin(Instant::now()),
            false => Hold::No,
        };
        self.fabric.start(has_died, Instant::now());
        let program = program::find(&self.settings.program);
        let dialect = dialect(process::version(&program)?)?;
        let next = self.configuration(sessions);
        self.latch_unseen()?;
        let late = self.late(&next);
        let mut shut: BTreeMap<String, Shut> =
            late.iter().map(|name| (name.clone(), Shut::Late)).collect();
        shut.extend(self.kept_disabled(sessions));
        let device = if device::waits(next.tables()) { Device::Off } else { Device::On };
        let fragments = self.write_next(&next, dialect, &shut, device)?;
        let (own, given) = (sessions, &next.sessions);
        let refused = |what| {
            move |text: String| DaemonError::Refused {
                what,
                text: render::without_keys(&render::without_keys(&text, own), given),
            }
        };
        process::check(&program, &self.files)?.map_err(refused("the new configuration"))?;
        self.rename_next()?;
        process::start(&program, &self.files)?.map_err(refused("to start"))?;
        self.wait_loaded(next.digest)?;
        match device {
            Device::On => self.device_is_on = true,
            Device::Off => self.start_device()?,
        }
        self.is_current = true;
        self.fragments.keep(fragments);
        self.unlatch(&next)?;
        self.start_late(late.into_iter().filter(|name| shut[name] == Shut::Late).collect())?;
        let configurations = self.configurations.get_mut();
        configurations.given = Some(next);
        configurations.keys.started(Instant::now());
        Ok(())
    }

    /// What the BIRD that has died had shut, whether anybody has seen it or not: as the configuration says that it had, and as it
    /// logged.
    fn latch_unseen(&mut self) -> Result<(), DaemonError> {
        let old = fs::read_to_string(&self.files.config).unwrap_or_default();
        let mut names = render::shut_in(&old);
        if self.hold.is_on() {
            names.extend(shut::in_logs(&[&self.files.older_log, &self.files.log]));
        }
        self.latch.add(names, Held { why: Shut::PrefixLimit, until: None })
    }
}
