//! Quantities: `100m`, `1Gi`, `1e3`.

/// The number that a quantity means; `None` if it is none.
pub(crate) fn quantity(text: &str) -> Option<f64> {
    let text = text.trim();
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
    let (digits, suffix) = text.split_at(end);
    let number: f64 = digits.parse().ok()?;
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024f64.powi(2),
        "Gi" => 1024f64.powi(3),
        "Ti" => 1024f64.powi(4),
        "Pi" => 1024f64.powi(5),
        "Ei" => 1024f64.powi(6),
        exponent if exponent.starts_with(['e', 'E']) => return text.parse().ok(),
        _ => return None,
    };
    // A thousandth is divided by, so that `100m` is the number that is nearest to it.
    Some(if factor < 1.0 { number / (1.0 / factor).round() } else { number * factor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_numbers_with_a_suffix() {
        for (text, number) in [
            ("4", 4.0),
            ("0.5", 0.5),
            ("100m", 0.1),
            ("1930m", 1.93),
            ("1Ki", 1024.0),
            ("10Gi", 10_737_418_240.0),
            ("1e3", 1000.0),
            ("1E3", 1000.0),
            ("12e-1", 1.2),
            ("2E", 2e18),
            ("500M", 5e8),
            (" 1.5Ti ", 1_649_267_441_664.0),
            ("-1", -1.0),
        ] {
            assert_eq!(quantity(text), Some(number), "{text}");
        }
        for text in ["", "Gi", "1GiB", "1 Gi", "x1", "1e", "--1"] {
            assert_eq!(quantity(text), None, "{text}");
        }
    }
}
