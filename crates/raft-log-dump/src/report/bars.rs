//! A histogram as a picture of bars.

use raft_log_codec::Grouped;

use super::svg::put;
use crate::statistics::Histogram;

const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 150.0;
const TOP: f64 = 18.0;

/// The picture; the labels say where each class begins, in the form that `label` gives.
pub(super) fn bars(histogram: &Histogram, name: &str, label: impl Fn(u64) -> String) -> String {
    let classes = histogram.classes();
    if classes.is_empty() {
        return "<p class=\"muted\">None.</p>\n".to_owned();
    }
    let highest = classes.iter().map(|class| class.count).max().unwrap_or(1).max(1) as f64;
    let step = (WIDTH / classes.len() as f64).min(56.0);
    let bottom = TOP + HEIGHT;
    let mut out = String::new();
    put(
        &mut out,
        format_args!(
            "<svg viewBox=\"0 0 {WIDTH:.0} {:.0}\" role=\"img\" aria-label=\"{name}\">\n",
            bottom + 22.0
        ),
    );
    for (number, class) in classes.iter().enumerate() {
        let height = class.count as f64 / highest * HEIGHT;
        let height = if class.count > 0 { height.max(1.5) } else { 0.0 };
        let (x, y) = (number as f64 * step, bottom - height);
        put(
            &mut out,
            format_args!(
                "<rect class=\"bar\" x=\"{:.2}\" y=\"{y:.2}\" width=\"{:.2}\" height=\"{height:.2}\" rx=\"1.5\"><title>{} to {}: {}</title></rect>\n",
                x + 1.5,
                step - 3.0,
                label(class.from),
                label(class.to),
                Grouped(class.count)
            ),
        );
        if class.count > 0 && step > 26.0 {
            put(
                &mut out,
                format_args!(
                    "<text class=\"tick\" x=\"{:.2}\" y=\"{:.2}\" text-anchor=\"middle\">{}</text>\n",
                    x + step / 2.0,
                    y - 4.0,
                    Grouped(class.count)
                ),
            );
        }
        // Every label where there is room, otherwise every second or fourth.
        let every = if step > 44.0 {
            1
        } else if step > 26.0 {
            2
        } else {
            4
        };
        if number % every == 0 {
            put(
                &mut out,
                format_args!(
                    "<text class=\"tick\" x=\"{:.2}\" y=\"{:.2}\" text-anchor=\"middle\">{}</text>\n",
                    x + step / 2.0,
                    bottom + 15.0,
                    label(class.from)
                ),
            );
        }
    }
    put(
        &mut out,
        format_args!(
            "<line class=\"axis\" x1=\"0\" x2=\"{WIDTH:.0}\" y1=\"{bottom:.1}\" y2=\"{bottom:.1}\"/>\n</svg>\n"
        ),
    );
    out
}
