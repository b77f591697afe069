//! The lines that join steps in a terminal: a rail for every step that others still wait for.
//!
//! It knows numbers only. Each step takes one row; where its mark stands on the rail of another,
//! it is the last one that waits for that other.

/// A step's mark.
const MARK: char = '●';

/// What a rail carries.
#[derive(Debug, Clone, Copy)]
struct Rail {
    step: usize,
    /// How many steps still wait for it.
    waiting: usize,
}

/// What is drawn before each step of this order. A step that waits for none stands apart from the
/// row above, by a row of the rails that go on.
pub(super) fn rails(needs: &[Vec<usize>], order: &[usize]) -> Vec<Drawn> {
    let mut waiting = vec![0; needs.len()];
    for need in needs.iter().flatten() {
        waiting[*need] += 1;
    }
    let mut rails: Vec<Option<Rail>> = Vec::new();
    let rows = order.iter().enumerate().map(|(number, &step)| {
        let is_apart = number > 0 && needs[step].is_empty();
        let above = is_apart.then(|| going_on(&rails));
        let row = Row::new(&mut rails, step, &needs[step]);
        let at = row.text(&rails);
        row.leave(&mut rails, step, waiting[step]);
        Drawn { above, at }
    });
    rows.collect()
}

/// What is drawn for a step.
#[derive(Debug)]
pub(super) struct Drawn {
    /// A row above it.
    pub(super) above: Option<String>,
    /// Before its name.
    pub(super) at: String,
}

fn going_on(rails: &[Option<Rail>]) -> String {
    let cells = rails
        .iter()
        .map(|rail| if rail.is_some() { "│ " } else { "  " });
    cells.collect::<String>().trim_end().to_owned()
}

/// One step among the rails.
struct Row {
    /// Where its mark stands.
    mark: usize,
    /// The rails that lead to it.
    sources: Vec<usize>,
}

impl Row {
    fn new(rails: &mut Vec<Option<Rail>>, step: usize, needs: &[usize]) -> Self {
        let leads = |rail: &Option<Rail>| rail.is_some_and(|rail| needs.contains(&rail.step));
        let sources: Vec<usize> = (0..rails.len()).filter(|at| leads(&rails[*at])).collect();
        let ends = |at: &&usize| rails[**at].is_some_and(|rail| rail.waiting == 1);
        let mark = sources.iter().find(ends).copied();
        let after = sources.first().map_or(0, |first| first + 1);
        let free = || (after..rails.len()).find(|at| rails[*at].is_none());
        let mark = mark.or_else(free).unwrap_or(rails.len());
        if mark == rails.len() {
            rails.push(None);
        }
        debug_assert!(
            needs.is_empty() || !sources.is_empty(),
            "step {step} hangs in the air"
        );
        Self { mark, sources }
    }

    fn text(&self, rails: &[Option<Rail>]) -> String {
        let first = self
            .sources
            .first()
            .map_or(self.mark, |s| self.mark.min(*s));
        let last = self.sources.last().map_or(self.mark, |s| self.mark.max(*s));
        let mut text = String::new();
        for at in 0..rails.len() {
            text.push(self.cell(rails, at, (first, last)));
            text.push(if (first..last).contains(&at) {
                '─'
            } else {
                ' '
            });
        }
        text.trim_end().to_owned()
    }

    fn cell(&self, rails: &[Option<Rail>], at: usize, (first, last): (usize, usize)) -> char {
        let Some(rail) = rails[at] else {
            return match at {
                at if at == self.mark => MARK,
                at if (first..last).contains(&at) => '─',
                _ => ' ',
            };
        };
        if at == self.mark {
            return MARK;
        }
        if !self.sources.contains(&at) {
            return '│';
        }
        match (rail.waiting == 1, at) {
            (false, at) if at == first => '├',
            (false, at) if at == last => '┤',
            (false, _) => '┼',
            (true, at) if at == first => '└',
            (true, at) if at == last => '┘',
            (true, _) => '┴',
        }
    }

    /// What the step leaves to the next row.
    fn leave(&self, rails: &mut Vec<Option<Rail>>, step: usize, waiting: usize) {
        for at in &self.sources {
            if let Some(rail) = &mut rails[*at] {
                rail.waiting -= 1;
            }
            if rails[*at].is_some_and(|rail| rail.waiting == 0) {
                rails[*at] = None;
            }
        }
        if waiting > 0 {
            rails[self.mark] = Some(Rail { step, waiting });
        }
        while rails.last().is_some_and(Option::is_none) {
            rails.pop();
        }
    }
}
