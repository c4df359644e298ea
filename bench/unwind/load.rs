// Optimised Rust for so many seconds: hash maps, sorting by closures, trait objects, formatting, panics that are caught.
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

trait Shape {
    fn area(&self, depth: u32) -> f64;
}
struct Square(f64);
struct Group(Vec<Box<dyn Shape>>);
impl Shape for Square {
    fn area(&self, _: u32) -> f64 {
        self.0 * self.0
    }
}
impl Shape for Group {
    fn area(&self, depth: u32) -> f64 {
        self.0.iter().map(|s| s.area(depth + 1)).sum()
    }
}

#[inline(never)]
fn build(depth: u32, seed: &mut u32) -> Box<dyn Shape> {
    if depth == 0 {
        *seed = seed.wrapping_mul(1103515245).wrapping_add(12345);
        return Box::new(Square((*seed % 100) as f64));
    }
    Box::new(Group((0..4).map(|_| build(depth - 1, seed)).collect()))
}

#[inline(never)]
fn count(seed: &mut u32) -> usize {
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut words = Vec::new();
    for _ in 0..500 {
        *seed = seed.wrapping_mul(1103515245).wrapping_add(12345);
        let word = format!("word{}", *seed % 300);
        *seen.entry(word.clone()).or_default() += 1;
        words.push(word);
    }
    words.sort_by(|a, b| seen[a].cmp(&seen[b]).then_with(|| a.cmp(b)));
    let by_count: BTreeMap<u32, Vec<&str>> = words.iter().fold(BTreeMap::new(), |mut m, w| {
        m.entry(seen[w]).or_insert_with(Vec::new).push(w);
        m
    });
    by_count.values().map(|v| v.join(",").len()).sum()
}

fn main() {
    let seconds: f64 = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(5.0);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    std::panic::set_hook(Box::new(|_| {}));
    let other = std::thread::spawn(move || {
        let (mut seed, mut n) = (7, 0);
        while Instant::now() < end {
            n += count(&mut seed);
        }
        n
    });
    let (mut seed, mut total) = (1, 0.0);
    while Instant::now() < end {
        total += build(5, &mut seed).area(0);
        if std::panic::catch_unwind(|| if seed % 7 == 0 { panic!("seven") }).is_err() {
            total += 1.0;
        }
    }
    println!("{} {}", total, other.join().unwrap());
}
