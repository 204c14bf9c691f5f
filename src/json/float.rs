//! The float next to a decimal number, without tables of powers of ten.

/// A number of JSON as a float; `None` when it is too large for one. Digits beyond the nineteenth are dropped.
#[expect(clippy::cast_precision_loss, reason = "this is where the rounding is")]
pub(crate) fn float(text: &str) -> Option<f64> {
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole as f64);
    }
    let (negative, number) = match text.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, text),
    };
    let (digits, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut exponent = exponent.parse().unwrap_or(if exponent.starts_with('-') { i32::MIN } else { i32::MAX });
    let mut significand = 0_u64;
    let mut full = false;
    let mut take = |digit: u8| {
        let next = significand.checked_mul(10).and_then(|ten| ten.checked_add(u64::from(digit.wrapping_sub(b'0'))));
        full |= next.is_none();
        significand = if full { significand } else { next.unwrap_or_default() };
        !full
    };
    for digit in whole.bytes() {
        exponent = exponent.saturating_add(i32::from(!take(digit)));
    }
    for digit in fraction.trim_end_matches('0').bytes() {
        exponent = exponent.saturating_sub(i32::from(take(digit)));
    }
    let value = scale(significand, exponent)?;
    Some(if negative { -value } else { value })
}

/// significand * 10^exponent.
#[expect(clippy::cast_precision_loss, reason = "this is where the rounding is")]
fn scale(significand: u64, exponent: i32) -> Option<f64> {
    if exponent == 0 || significand == 0 {
        return Some(significand as f64);
    }
    if exponent > 310 {
        return None;
    }
    if exponent < -400 {
        return Some(0.0);
    }
    // The value is number * 2^shift; bits that fall off make the last one odd, so that no half is taken for a whole.
    let unused = significand.leading_zeros().saturating_add(60);
    let (mut number, mut shift) = (u128::from(significand) << unused, 0_i32.saturating_sub_unsigned(unused));
    for _ in 0..exponent.unsigned_abs() {
        if exponent > 0 {
            let ten = number.wrapping_mul(10);
            let excess = 4_u32.saturating_sub(ten.leading_zeros());
            number = (ten >> excess) | u128::from(ten.trailing_zeros() < excess);
            shift = shift.saturating_add_unsigned(excess);
        } else {
            let missing = number.leading_zeros();
            number = tenth(number << missing);
            shift = shift.saturating_sub_unsigned(missing);
        }
    }
    let value = times_two(number as f64, shift);
    value.is_finite().then_some(value)
}

/// A tenth by long division, odd where there is a rest: the machine divides 64 bits.
fn tenth(number: u128) -> u128 {
    let (mut quotient, mut rest) = (0_u128, 0_u64);
    for place in [96, 64, 32, 0] {
        let part = (rest << 32) | u64::from((number >> place) as u32);
        quotient = (quotient << 32) | u128::from(part / 10);
        rest = part % 10;
    }
    quotient | u128::from(rest != 0)
}

/// value * 2^exponent, in steps that a float holds.
fn times_two(mut value: f64, mut exponent: i32) -> f64 {
    while exponent != 0 {
        let step = exponent.clamp(-1000, 1000);
        value *= f64::from_bits(u64::from(step.saturating_add(1023).unsigned_abs()) << 52);
        exponent = exponent.saturating_sub(step);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::float;
    use alloc::format;

    #[test]
    fn floats_are_the_nearest() {
        let wholes = ["0", "1", "2", "9007199254740991", "18446744073709551615", "1844674407370955161"];
        let fractions = ["", ".0", ".5", ".1", ".1234567890123456789012345"];
        let exponents = [
            "",
            "e0",
            "e-1",
            "E+2",
            "e22",
            "e-30",
            "e270",
            "e308",
            "e309",
            "e-300",
            "e-400",
            "e-99999999999",
            "e99999999999",
        ];
        for whole in wholes {
            for (fraction, exponent) in fractions.iter().flat_map(|f| exponents.iter().map(move |e| (f, e))) {
                for sign in ["", "-"] {
                    let text = format!("{sign}{whole}{fraction}{exponent}");
                    let nearest = text.parse::<f64>().ok().filter(|value| value.is_finite());
                    assert_eq!(float(&text), nearest, "{text}");
                }
            }
        }
        for exponent in -300..=308 {
            for digits in ["1", "7", "123456789", "5.650445735775178"] {
                let text = format!("{digits}e{exponent}");
                assert_eq!(float(&text), text.parse().ok().filter(|value: &f64| value.is_finite()), "{text}");
            }
        }
    }
}
