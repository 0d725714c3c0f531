//! File systems of the torture's own: ext4 in a file behind a loop device, and small ones in memory. Whatever is
//! mounted is unmounted when its handle goes; what a dead run left is found by its place.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::part::Need;
use crate::Outcome;
use crate::capture::capture;

/// What a part needs that mounts.
pub(super) const NEEDS: &[Need] = &[
    Need::Real,
    Need::Root,
    Need::LoopDevices,
    Need::Program("mkfs.ext4", "e2fsprogs"),
    Need::Program("losetup", "mount"),
    Need::Program("mount", "mount"),
    Need::Program("umount", "mount"),
];

/// A mounted file system.
pub(super) struct Mounted {
    point: PathBuf,
    is_mounted: bool,
}

/// How often unmounting is tried while somebody is still in there.
const ATTEMPTS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// The journal, and some more.
const METADATA_BYTES: u64 = 6 << 20;

/// A block of the file systems made here.
pub(super) const BLOCK: u64 = 4096;

/// Makes a file with an empty ext4 in it, of so many bytes; the file has holes where nothing was written, but none in
/// its first [`METADATA_BYTES`], where all is that ext4 keeps about itself.
///
/// # Errors
/// When it cannot be made.
pub(super) fn make_ext4(image: &Path, bytes: u64) -> Outcome {
    let file = File::create(image)?;
    file.set_len(bytes)?;
    let arguments = [
        ["-b", "4096"],
        // No blocks for root alone.
        ["-m", "0"],
        ["-N", "1024"],
        ["-J", "size=4"],
        // Nothing is left to be written in the background.
        ["-E", "packed_meta_blocks=1,nodiscard,lazy_itable_init=0,lazy_journal_init=0"],
    ];
    let arguments = ["-q", "-F"].into_iter().chain(arguments.into_iter().flatten()).map(OsStr::new);
    run("mkfs.ext4", arguments.chain([image.as_os_str()]))?;
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::KEEP_SIZE, 0, METADATA_BYTES)?;
    Ok(())
}

impl Mounted {
    /// Mounts the ext4 in a file.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub(super) fn image(image: &Path, point: &Path) -> Outcome<Self> {
        fs::create_dir_all(point)?;
        let arguments = ["-t", "ext4", "-o", "loop,noatime"].map(OsStr::new);
        run("mount", arguments.into_iter().chain([image.as_os_str(), point.as_os_str()]))?;
        Ok(Self { point: point.to_owned(), is_mounted: true })
    }

    /// Mounts a file system in memory, of so many bytes.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub(super) fn memory(point: &Path, bytes: u64) -> Outcome<Self> {
        fs::create_dir_all(point)?;
        let size = format!("size={bytes}");
        let arguments = ["-t", "tmpfs", "-o", &size, "torture"].map(OsStr::new);
        run("mount", arguments.into_iter().chain([point.as_os_str()]))?;
        Ok(Self { point: point.to_owned(), is_mounted: true })
    }

    /// Has the loop device below take one block at a time. A write of which only the first blocks find room is reported
    /// as done by loop devices: a disk that lies. A single block is written or not.
    ///
    /// # Errors
    /// When the system has no such setting.
    pub(super) fn write_single_blocks(&self) -> Outcome {
        let table = fs::read("/proc/self/mounts")?;
        let device =
            mounts(&table).into_iter().rfind(|(_, point)| *point == self.point).map(|(device, _)| device);
        let device = device.ok_or("it is not mounted")?;
        let setting = Path::new("/sys/block").join(device.file_name().unwrap_or_default());
        Ok(fs::write(setting.join("queue/max_sectors_kb"), (BLOCK / 1024).to_string())?)
    }

    /// Has a file system in memory take more.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn grow_memory(&self, bytes: u64) -> Outcome {
        let options = format!("remount,size={bytes}");
        run("mount", [OsStr::new("-o"), OsStr::new(&options), self.point.as_os_str()])
    }

    pub(super) fn point(&self) -> &Path {
        &self.point
    }

    /// Unmounts it, and waits until that is done.
    ///
    /// # Errors
    /// When it stays busy.
    pub(super) fn unmount(mut self) -> Outcome {
        self.is_mounted = false;
        unmount(&self.point)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if self.is_mounted
            && let Err(error) = unmount(&self.point)
        {
            eprintln!("{error}; it is still mounted");
        }
    }
}

fn unmount(point: &Path) -> Outcome {
    let mut outcome = run("umount", [point.as_os_str()]);
    for _ in 0..ATTEMPTS {
        if outcome.is_ok() {
            return Ok(());
        }
        thread::sleep(PAUSE);
        outcome = run("umount", [point.as_os_str()]);
    }
    outcome
}

fn run<'a>(program: &str, arguments: impl IntoIterator<Item = &'a OsStr>) -> Outcome {
    let mut command = Command::new(program);
    command.args(arguments);
    let shown = format!("{command:?}");
    let captured = capture(command)?;
    if captured.success { Ok(()) } else { Err(format!("{shown}: {}", captured.output.trim()).into()) }
}

/// What is mounted below a directory, the last one first.
///
/// # Errors
/// When the system does not tell.
pub(super) fn mounted_below(directory: &Path) -> Outcome<Vec<PathBuf>> {
    let table = fs::read("/proc/self/mounts")?;
    let mut points: Vec<PathBuf> = mounts(&table).into_iter().map(|(_, point)| point).collect();
    points.retain(|point| point.starts_with(directory));
    points.reverse();
    Ok(points)
}

/// The devices and the mount points in a table as `/proc/self/mounts` has it.
fn mounts(table: &[u8]) -> Vec<(PathBuf, PathBuf)> {
    let path = |bytes: &[u8]| PathBuf::from(OsString::from_vec(unescape(bytes)));
    let mount = |line: &[u8]| {
        let mut words = line.split(|byte| *byte == b' ');
        Some((path(words.next()?), path(words.next()?)))
    };
    table.split(|byte| *byte == b'\n').filter_map(mount).collect()
}

/// A space in a path is written as `\040`.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        let code =
            behind.get(..3).filter(|_| *first == b'\\').and_then(|code| std::str::from_utf8(code).ok());
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            bytes.push(byte);
            rest = behind.get(3..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    bytes
}

/// Unmounts everything below a directory. Loop devices go with what is mounted of them.
///
/// # Errors
/// When something stays.
pub(super) fn unmount_below(directory: &Path) -> Outcome {
    mounted_below(directory)?.iter().try_for_each(|point| unmount(point))?;
    for device in loop_devices_below(directory)? {
        run("losetup", [OsStr::new("-d"), OsStr::new(&device)])?;
    }
    Ok(())
}

/// Loop devices whose files lie below a directory. One that is mounted is among them.
fn loop_devices_below(directory: &Path) -> Outcome<Vec<String>> {
    let mut devices = Vec::new();
    let Ok(entries) = fs::read_dir("/sys/block") else { return Ok(devices) };
    for entry in entries {
        let entry = entry?;
        let file = fs::read_to_string(entry.path().join("loop/backing_file")).unwrap_or_default();
        if !file.is_empty() && Path::new(file.trim_end()).starts_with(directory) {
            devices.push(format!("/dev/{}", entry.file_name().display()));
        }
    }
    Ok(devices)
}

/// Fills a file system with one file, until only so many bytes are free; with 0, until nothing goes in any more.
/// What the file holds already stays.
///
/// # Errors
/// For another reason than a full disk.
pub(super) fn fill(filler: &Path, free: u64) -> Outcome {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(filler)?;
    loop {
        let statistics = rustix::fs::fstatvfs(&file)?;
        let left = statistics.f_bavail * statistics.f_frsize;
        // What ext4 keeps for itself is told as free, and is not.
        let size = if free == 0 { BLOCK.max(left / 2) } else { left.saturating_sub(free).min(1 << 20) };
        if size == 0 {
            break;
        }
        match file.write(&vec![0xf1; usize::try_from(size).unwrap_or(1 << 20)]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => {
                if free > 0 || size <= BLOCK {
                    break;
                }
                // A smaller piece may go in.
                match file.write(&[0xf1; BLOCK as usize]) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_with_their_spaces() {
        let table = b"proc /proc proc rw 0 0\n/dev/loop0 /a\\040b/c\\134 ext4 rw 0 0\n";
        let points: Vec<_> = mounts(table).into_iter().map(|(_, point)| point).collect();
        assert_eq!(points, [PathBuf::from("/proc"), PathBuf::from("/a b/c\\")]);
        assert_eq!(mounts(table)[1].0, Path::new("/dev/loop0"));
    }

    #[test]
    fn nothing_is_mounted_below_a_new_directory() {
        if cfg!(target_os = "linux") {
            let directory = tempfile::tempdir().unwrap();
            assert_eq!(mounted_below(directory.path()).unwrap(), Vec::<PathBuf>::new());
            assert!(!mounted_below(Path::new("/")).unwrap().is_empty());
        }
    }
}
