//! Finds the function that a thread of this process runs, by reading the thread's stack. Most threads that libraries start
//! have no name, so that only the function says where they come from.
//!
//! The standard library calls the closure of each thread from `__rust_begin_short_backtrace`. The return address of that call
//! is on the thread's stack, and the call instruction in front of that address contains the address of the closure. Linux
//! shows the stack pointer of a waiting thread, and an executable contains the names of its functions, unless it was stripped.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use crate::model::sort;

/// The most bytes of a stack that are read. The stack of a waiting thread is usually much smaller.
const MAX_STACK_BYTES: u64 = 64 << 10;

/// The function of the standard library that calls the closure of a thread.
const CALLER_OF_CLOSURES: &str = "__rust_begin_short_backtrace";

/// Crates whose functions say nothing about the origin of a thread. Their functions are between [`CALLER_OF_CLOSURES`] and the
/// function of the thread if that function is not a closure.
const STANDARD: [&str; 3] = ["std", "core", "alloc"];

/// The function that a thread runs, such as `rayon_core::registry::ThreadBuilder::run`. `None` if it cannot be determined.
#[must_use]
pub(super) fn function_of_thread(thread: u32) -> Option<String> {
    let stack_pointer = stack_pointer(&fs::read_to_string(format!("/proc/self/task/{thread}/syscall")).ok()?)?;
    let maps = Maps::parse(
        &fs::read_to_string("/proc/self/maps").ok()?,
        &fs::read_link("/proc/self/exe").ok()?.display().to_string(),
    );
    let end = maps.end_of(stack_pointer)?.min(stack_pointer.checked_add(MAX_STACK_BYTES)?);
    let mut stack = vec![0; usize::try_from(end - stack_pointer).ok()?];
    let memory = File::open("/proc/self/mem").ok()?;
    memory.read_exact_at(&mut stack, stack_pointer).ok()?;
    let mut addresses: Vec<u64> = stack.as_chunks().0.iter().map(|word| u64::from_ne_bytes(*word)).collect();
    addresses.retain(|address| maps.is_code(*address));
    let symbols = Symbols::read(&File::open("/proc/self/exe").ok()?)?;
    let mut calling = CALLER_OF_CLOSURES.to_owned();
    // The stack grows downwards, so that the outermost call is the last address.
    for address in addresses.into_iter().rev() {
        let calls = symbols.name_at(address - maps.start).is_some_and(|name| name.contains(&calling));
        let Some(called) = calls.then(|| call_target(&memory, address)).flatten() else { continue };
        let name = symbols.name_at(called.checked_sub(maps.start)?)?;
        let path = path_of(&name);
        if is_user_code(&path) {
            return Some(path);
        }
        calling = name;
    }
    None
}

/// The address of the function that the instruction before a return address calls. `None` if that instruction is not a direct
/// call.
#[cfg(target_arch = "x86_64")]
fn call_target(memory: &File, return_address: u64) -> Option<u64> {
    const CALL: u8 = 0xe8;
    let [opcode, distance @ ..] = bytes_at::<5>(memory, return_address.checked_sub(5)?)?;
    (opcode == CALL).then(|| return_address.wrapping_add_signed(i32::from_le_bytes(distance).into()))
}

#[cfg(target_arch = "aarch64")]
fn call_target(memory: &File, return_address: u64) -> Option<u64> {
    const CALL: u32 = 0b10_0101;
    let call = return_address.checked_sub(4)?;
    let instruction = u32::from_le_bytes(bytes_at(memory, call)?);
    // The distance has 26 bits, and counts instructions of four bytes.
    let distance = i64::from((instruction << 6).cast_signed() >> 6) * 4;
    (instruction >> 26 == CALL).then(|| call.wrapping_add_signed(distance))
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn call_target(_: &File, _: u64) -> Option<u64> {
    None
}

/// The stack pointer of a waiting thread, from `/proc/PID/syscall`. It is the second number from the end, after the number of
/// the system call and its arguments.
fn stack_pointer(syscall: &str) -> Option<u64> {
    let mut fields = syscall.split_whitespace().rev().skip(1);
    u64::from_str_radix(fields.next()?.strip_prefix("0x")?, 16).ok()
}

/// The memory areas of this process, from `/proc/self/maps`.
struct Maps {
    areas: Vec<(u64, u64)>,
    /// The address at which the executable begins in memory.
    start: u64,
    code: Vec<(u64, u64)>,
}

impl Maps {
    fn parse(text: &str, executable: &str) -> Self {
        let mut maps = Self { areas: Vec::new(), start: u64::MAX, code: Vec::new() };
        for line in text.lines() {
            let mut fields = line.split_whitespace();
            let (Some(range), Some(rights), path) = (fields.next(), fields.next(), fields.nth(3)) else { continue };
            let Some((start, end)) = range.split_once('-') else { continue };
            let (Ok(start), Ok(end)) = (u64::from_str_radix(start, 16), u64::from_str_radix(end, 16)) else { continue };
            maps.areas.push((start, end));
            if path == Some(executable) {
                maps.start = maps.start.min(start);
                if rights.contains('x') {
                    maps.code.push((start, end));
                }
            }
        }
        maps
    }

    fn end_of(&self, address: u64) -> Option<u64> {
        self.areas.iter().find(|(start, end)| (*start..*end).contains(&address)).map(|(_, end)| *end)
    }

    fn is_code(&self, address: u64) -> bool {
        self.code.iter().any(|(start, end)| (*start..*end).contains(&address))
    }
}

/// The functions of an executable.
struct Symbols {
    /// For each function its address, its size, and the offset of its name in `names`.
    functions: Vec<(u64, u64, u32)>,
    /// The names, each of which ends with a zero byte.
    names: Vec<u8>,
}

impl Symbols {
    /// Reads the symbol table of a 64-bit little-endian ELF file. The System V ABI describes the format.
    fn read(file: &File) -> Option<Self> {
        const SYMBOL_TABLE: u32 = 2;
        const FUNCTION: u8 = 2;
        let header = bytes_at::<64>(file, 0)?;
        let is_known_format = header.starts_with(b"\x7fELF\x02\x01");
        let (sections, size, count) = (long(&header, 40)?, short(&header, 58)?, short(&header, 60)?);
        if !is_known_format || size != 64 {
            return None;
        }
        let section = |number: u64| bytes_at::<64>(file, sections.checked_add(number.checked_mul(64)?)?);
        let table = (0..u64::from(count)).filter_map(section).find(|section| word(section, 4) == Some(SYMBOL_TABLE))?;
        let names = contents(file, &section(u64::from(word(&table, 40)?))?)?;
        let mut functions = Vec::new();
        for symbol in contents(file, &table)?.as_chunks::<24>().0 {
            if symbol[4] & 0xf == FUNCTION {
                functions.push((long(symbol, 8)?, long(symbol, 16)?, word(symbol, 0)?));
            }
        }
        sort(&mut functions);
        Some(Self { functions, names })
    }

    /// The demangled name of the function at an address.
    fn name_at(&self, address: u64) -> Option<String> {
        let after = self.functions.partition_point(|(start, ..)| *start <= address);
        let (start, size, name) = *self.functions.get(after.checked_sub(1)?)?;
        if address - start >= size {
            return None;
        }
        let name = self.names.get(name as usize..)?.split(|byte| *byte == 0).next()?;
        Some(format!("{:#}", rustc_demangle::demangle(str::from_utf8(name).ok()?)))
    }
}

fn bytes_at<const N: usize>(file: &File, offset: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes)
}

/// The contents of a section.
fn contents(file: &File, section: &[u8]) -> Option<Vec<u8>> {
    let (offset, size) = (long(section, 24)?, long(section, 32)?);
    // The size is checked first, because a damaged file could make this process allocate all memory.
    let length = file.metadata().ok()?.len();
    let mut bytes = vec![0; usize::try_from(size).ok().filter(|_| size <= length)?];
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The path of a function without the parts for closures: `<a::B as c::D>::e::{{closure}}` becomes `a::B as c::D::e`.
fn path_of(name: &str) -> String {
    name.replace("::{{closure}}", "").replace(['<', '>'], "").trim_start_matches('&').to_owned()
}

fn is_user_code(path: &str) -> bool {
    path.split_once("::").is_some_and(|(krate, _)| !STANDARD.contains(&krate) && !krate.starts_with("dyn "))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn wait_until_dropped(ended: &mpsc::Receiver<()>) {
        let _ = ended.recv();
    }

    #[test]
    fn function_of_a_waiting_thread_is_determined() {
        let (end, ended) = mpsc::channel::<()>();
        let (sender, thread_id) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let _ = sender.send(rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned());
            wait_until_dropped(&ended);
        });
        let id = thread_id.recv().unwrap();
        let mut function = None;
        for _ in 0..1_000 {
            function = function_of_thread(id);
            if function.is_some() {
                break;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        }
        drop(end);
        thread.join().unwrap();
        let function = function.unwrap_or_default();
        assert!(function.starts_with("itest_runtime::process::thread_origin::tests::"), "{function}");
    }

    #[test]
    fn file_that_is_no_executable_has_no_symbols() {
        let file = tempfile::tempfile().unwrap();
        assert!(Symbols::read(&file).is_none());
        let mut header = [0xff_u8; 64];
        header[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file.write_all_at(&header, 0).unwrap();
        assert!(Symbols::read(&file).is_none());
    }
}
