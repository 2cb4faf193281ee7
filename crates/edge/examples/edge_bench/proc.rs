//! What the BIRDs of a state directory and this process take of the machine, from proc(5).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The processor time of each BIRD's main thread, by its process number.
pub fn processor_times(dir: &Path) -> BTreeMap<u32, Duration> {
    let ticks = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/stat")).unwrap();
        let (_, rest) = text.rsplit_once(')').unwrap();
        let words = rest.split_whitespace().skip(11).take(2);
        words.map(|word| word.parse::<u64>().unwrap()).sum::<u64>()
    };
    let hertz = rustix::param::clock_ticks_per_second();
    let time = |pid| (pid, Duration::from_millis(ticks(pid) * 1000 / hertz));
    birds(dir).into_iter().map(time).collect()
}

/// The most that one of them has used in between.
pub fn most_used(before: &BTreeMap<u32, Duration>, after: &BTreeMap<u32, Duration>) -> Duration {
    let used =
        |(pid, time): (&u32, &Duration)| *time - before.get(pid).copied().unwrap_or_default();
    after.iter().map(used).max().unwrap_or_default()
}

/// The resident memory of all of them and of this process, in bytes.
pub fn memory(dir: &Path) -> u64 {
    let resident = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    };
    birds(dir).into_iter().chain([std::process::id()]).map(resident).sum()
}

fn birds(dir: &Path) -> Vec<u32> {
    let others = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files = others.filter(|path| path.is_dir()).chain([dir.to_owned()]);
    let pids = files.filter_map(|dir| fs::read_to_string(dir.join("bird.pid")).ok());
    pids.map(|text| text.trim().parse().unwrap()).collect()
}
