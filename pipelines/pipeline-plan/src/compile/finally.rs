//! Steps of `finally:`: they run after all others, so no other may need them.

use pipeline_spec::{At, Code, Collector, Diagnostic};

use super::Draft;
use super::steps::Steps;

/// Tells of steps that need one of `finally:` and are none of it themselves.
pub(super) fn check(steps: &Steps<'_>, drafts: &[Draft], collector: &mut Collector) {
    let at = At::ROOT.key("steps");
    for (number, entry) in steps.iter().enumerate() {
        if entry.step.finally {
            continue;
        }
        let mut needs = drafts[number].needs.iter();
        let Some(need) = needs.find(|need| steps.get(**need).step.finally) else {
            continue;
        };
        let need = steps.get(*need).id;
        let message = format!(
            "`{}` needs `{need}`, which runs after all steps, in `finally:`",
            entry.id
        );
        let pointer = at.key(entry.id).pointer();
        let found = Diagnostic::error(Code::NeedsFinally, pointer, message).at_key();
        collector.push(found.hint(format!(
            "move `{need}` to `steps:`, or `{}` to `finally:`",
            entry.id
        )));
    }
}
