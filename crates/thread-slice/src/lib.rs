//! Requests the length of a thread's time slices from the Linux scheduler.
//!
//! Since Linux 6.12 a thread of the normal class may ask for slices of 0.1 to 100 ms. Short slices get a thread
//! scheduled soon after it wakes up, long slices let it compute without interruption. The share of the processor
//! stays the same in both cases, and no privilege is needed.
//!
//! ```
//! // An error means that the system has no such request: the thread keeps its slices.
//! thread_slice::request(std::time::Duration::from_millis(20)).ok();
//! ```

use std::{io, time::Duration};

/// Requests slices of this length for the calling thread and for the threads that it starts from now on.
///
/// The kernel clamps the length to 0.1 to 100 ms. Kernels before 6.12 accept the call and ignore it.
///
/// # Errors
///
/// The error of `sched_setattr(2)`, for example if a sandbox forbids the call or if the thread is not of the normal
/// class; [`io::ErrorKind::Unsupported`] on other systems than Linux.
pub fn request(slice: Duration) -> io::Result<()> {
    system::request(slice)
}

#[cfg(target_os = "linux")]
mod system {
    use std::{io, time::Duration};

    /// `struct sched_attr` of `linux/sched/types.h`, in its first published size.
    #[repr(C)]
    #[derive(Default)]
    struct SchedAttr {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        runtime: u64,
        deadline: u64,
        period: u64,
    }

    /// The calling thread.
    const SELF: libc::pid_t = 0;

    pub fn request(slice: Duration) -> io::Result<()> {
        let mut attributes = current()?;
        attributes.runtime = u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX);
        // SAFETY: the kernel reads `size` bytes of a structure that lives until the call returns.
        #[expect(unsafe_code, reason = "no safe crate offers this system call")]
        let result = unsafe { libc::syscall(libc::SYS_sched_setattr, SELF, &raw const attributes, 0_u32) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// The attributes in force: class and nice value stay as they are.
    fn current() -> io::Result<SchedAttr> {
        let size = u32::try_from(size_of::<SchedAttr>()).map_err(io::Error::other)?;
        let mut attributes = SchedAttr::default();
        // SAFETY: the kernel writes at most `size` bytes into a structure of that size.
        #[expect(unsafe_code, reason = "no safe crate offers this system call")]
        let result =
            unsafe { libc::syscall(libc::SYS_sched_getattr, SELF, &raw mut attributes, size, 0_u32) };
        if result == 0 { Ok(SchedAttr { size, ..attributes }) } else { Err(io::Error::last_os_error()) }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// A kernel before 6.12 keeps no slice: it reports 0 or its own default.
        #[test]
        fn a_thread_keeps_its_class_and_gets_the_slice_that_it_requested() {
            std::thread::spawn(|| {
                let before = current().unwrap();
                request(Duration::from_millis(20)).unwrap();
                let after = current().unwrap();

                assert_eq!((after.policy, after.nice), (before.policy, before.nice));
                assert!(after.runtime == 20_000_000 || after.runtime == before.runtime, "{}", after.runtime);
                let inherited = std::thread::spawn(|| current().unwrap().runtime).join().unwrap();
                assert_eq!(inherited, after.runtime);
            })
            .join()
            .unwrap();
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::{io, time::Duration};

    pub fn request(_: Duration) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
