//! Conversions of scalars as the constructors of Python's types make them: `int(...)`, `float(...)`, `str(...)`.

/// `int(text)`: blanks around it, a sign, digits with single underscores between them. `None` for anything else,
/// and beyond 64 bits.
pub(crate) fn int_of_text(text: &str) -> Option<i64> {
    plain_digits(text.trim())?.parse().ok()
}

/// `float(text)`. `None` for anything else, and for infinities and NaN, which JSON cannot write.
pub(crate) fn float_of_text(text: &str) -> Option<f64> {
    let number: f64 = plain_digits(text.trim())?.parse().ok()?;
    number.is_finite().then_some(number)
}

/// `int(number)`: cut towards zero. `None` beyond 64 bits.
pub(crate) fn int_of_float(number: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "within the limits")]
    (-LIMIT..LIMIT).contains(&number).then_some(number as i64)
}

/// Removes underscores, which Python allows between digits only.
fn plain_digits(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        let digit_at = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        if *byte == b'_' && !(digit_at(index.checked_sub(1)) && digit_at(index.checked_add(1))) {
            return None;
        }
    }
    Some(text.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_texts() {
        assert_eq!(int_of_text(" +1_000 "), Some(1000));
        for text in ["1__0", "_1", "1_", "0x10", "1.0", "", "99999999999999999999"] {
            assert_eq!(int_of_text(text), None, "{text}");
        }
        assert_eq!(float_of_text("1_0.5e1"), Some(105.0));
        assert_eq!(float_of_text("5."), Some(5.0));
        for text in ["inf", "nan", "1e999", "", "1._5", "abc"] {
            assert_eq!(float_of_text(text), None, "{text}");
        }
    }

    #[test]
    fn floats_are_cut_towards_zero() {
        assert_eq!(int_of_float(-2.9), Some(-2));
        assert_eq!(int_of_float(1e30), None);
        assert_eq!(int_of_float(f64::NAN), None);
    }
}
