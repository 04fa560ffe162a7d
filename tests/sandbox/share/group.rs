//! A processor share by the kernel's own means: a control group with a quota.
//!
//! Both versions are spoken, because machines and containers have either: `cpu.max` (kernel
//! documentation, `admin-guide/cgroup-v2`) and `cpu.cfs_quota_us` (`scheduler/sched-bwc`). Where a
//! group can be made is found out by making one and moving a process into it, once; permissions and
//! the rule against processes in inner groups cannot be told otherwise. Invariant: a group is
//! removed when its environment is dropped, and one whose maker was killed by whoever comes next.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fs, io, process, thread};

use super::{PERIOD, Share};

const MOUNTS: [&str; 3] = ["/sys/fs/cgroup", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"];
const PREFIX: &str = "overtime-";
/// The kernel accepts no smaller quota.
const QUOTA_MIN: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(crate) struct Group(PathBuf);

impl Group {
    pub(super) fn make(share: Share) -> Option<Self> {
        Self::below(base()?, share).ok()
    }

    fn below(base: &Path, share: Share) -> io::Result<Self> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = base.join(format!("{PREFIX}{}-{number}", process::id()));
        fs::create_dir(&folder)?;
        let group = Self(folder);
        limit(&group.0, share)?;
        Ok(group)
    }

    pub(super) fn admit(&self, pid: u32) {
        // It was possible a moment ago, so a failure means that the process has already ended.
        let _ = self.take(pid);
    }

    fn take(&self, pid: u32) -> io::Result<()> {
        set(&self.0.join("cgroup.procs"), &pid.to_string())
    }
}

impl Drop for Group {
    /// Processes that were killed take a moment to leave, and nobody is to wait for them.
    fn drop(&mut self) {
        let folder = std::mem::take(&mut self.0);
        if fs::remove_dir(&folder).is_ok() {
            return;
        }
        thread::spawn(move || {
            for _ in 0..500 {
                thread::sleep(Duration::from_millis(10));
                if fs::remove_dir(&folder).is_ok() {
                    return;
                }
            }
        });
    }
}

/// Below what groups can be made; nothing where they cannot.
pub(super) fn base() -> Option<&'static Path> {
    static BASE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let base = BASE.get_or_init(|| candidates().into_iter().find(|it| works(it).is_ok()));
    base.as_deref()
}

/// The groups this process is in, innermost first, and those around them.
fn candidates() -> Vec<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut found = Vec::new();
    for mount in MOUNTS.map(Path::new) {
        for line in own.lines() {
            // `number:controllers:path`, where version 2 has no controllers.
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
            if controllers.is_empty() || controllers.split(',').any(|it| it == "cpu") {
                let innermost = mount.join(path.trim_start_matches('/'));
                let around = innermost.ancestors().take_while(|it| it.starts_with(mount));
                found.extend(around.filter(|it| it.is_dir()).map(Path::to_owned));
            }
        }
    }
    found
}

fn works(base: &Path) -> io::Result<()> {
    sweep(base);
    let group = Group::below(base, Share::of_memory(1_769))?;
    let guinea_pig = Sleeper::start()?;
    group.take(guinea_pig.0.id())?;
    drop(guinea_pig);
    Ok(())
}

/// Removes the groups of makers that are no more. Those with processes in them cannot be removed.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|it| it.strip_prefix(PREFIX)?.split('-').next());
        if maker.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

fn limit(group: &Path, share: Share) -> io::Result<()> {
    let period = PERIOD.max(QUOTA_MIN.div_f64(share.vcpu));
    let (quota, period) = (share.of(period).as_micros(), period.as_micros());
    if group.join("cpu.max").exists() {
        return set(&group.join("cpu.max"), &format!("{quota} {period}"));
    }
    set(&group.join("cpu.cfs_period_us"), &period.to_string())?;
    set(&group.join("cpu.cfs_quota_us"), &quota.to_string())
}

/// Never creates a file: in an ordinary directory that would look like success.
fn set(file: &Path, value: &str) -> io::Result<()> {
    fs::OpenOptions::new().write(true).open(file)?.write_all(value.as_bytes())
}

/// A process that does nothing, gone when dropped.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> io::Result<Self> {
        let mut sleep = Command::new("sleep");
        sleep.arg("5").stdin(Stdio::null()).stdout(Stdio::null());
        Ok(Self(sleep.spawn()?))
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        // It has ended by itself, or ends now; either way it is waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_gone_with_its_value() {
        let Some(base) = base() else { return };
        let group = Group::below(base, Share::of_memory(128)).unwrap();
        let folder = group.0.clone();
        assert!(folder.is_dir());
        drop(group);
        assert!(!folder.exists());
    }
}
