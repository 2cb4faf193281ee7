//! Lists that fit into a terminal: fewer columns, and the ones of free text cut where they are too long. Ids, states and
//! numbers are whole, or they could not be given to the next word.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns of text a list takes at most, if the columns that are never cut leave room for that.
pub const WIDTH: usize = 80;

/// Between two columns.
const GAP: usize = 2;

/// The narrowest that a column of free text gets.
const LEAST: usize = 8;

/// The columns of free text.
const FREE: [&str; 8] =
    ["NAME", "ERROR", "MESSAGE", "RESOURCES", "CIDRS", "HANDOFFS", "PRINCIPAL", "FROM"];

/// The header and the rows of a narrow list.
pub fn table(
    columns: &[&'static str],
    wanted: &[&'static str],
    rows: Vec<Vec<String>>,
) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let places: Vec<usize> = wanted
        .iter()
        .map(|name| columns.iter().position(|other| other == name).expect("one of the columns"))
        .collect();
    let mut rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| places.iter().map(|place| row[*place].clone()).collect())
        .collect();
    let widest = |column: usize| {
        let cells = rows.iter().map(|row| row[column].width());
        cells.chain([wanted[column].width()]).max().unwrap_or_default()
    };
    let mut widths: Vec<usize> = (0..wanted.len()).map(widest).collect();
    shrink(wanted, &mut widths);
    for row in &mut rows {
        for (cell, width) in row.iter_mut().zip(&widths) {
            if cell.width() > *width {
                *cell = cut(cell, *width);
            }
        }
    }
    (wanted.to_vec(), rows)
}

/// Makes the widest columns of free text narrower until all fit.
fn shrink(names: &[&str], widths: &mut [usize]) {
    let gaps = GAP * names.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > WIDTH {
        let free = (0..names.len()).filter(|nth| FREE.contains(&names[*nth]));
        let widest = free.max_by_key(|nth| widths[*nth]);
        match widest.filter(|nth| widths[*nth] > LEAST.max(names[*nth].len())) {
            Some(nth) => widths[nth] -= 1,
            None => return,
        }
    }
}

/// The beginning of a text, so that it and a sign that there was more have this width.
fn cut(text: &str, width: usize) -> String {
    let mut left = width.saturating_sub(1);
    let fits = |c: &char| {
        let takes = c.width().unwrap_or_default();
        let fits = takes <= left;
        left = left.saturating_sub(takes);
        fits
    };
    let mut text: String = text.chars().take_while(fits).collect();
    text.push('…');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_text_is_cut_and_ids_are_not() {
        let columns = ["ID", "NAME", "EXTRA", "ERROR"];
        let wanted = ["ID", "NAME", "ERROR"];
        let row =
            |id: &str, name: &str, error: &str| [id, name, "x", error].map(str::to_owned).to_vec();
        let long = "n".repeat(100);
        let check = |name: &str, error: &str, expected: [usize; 2]| {
            let (header, rows) = table(&columns, &wanted, vec![row("dxcon-12345678", name, error)]);
            assert_eq!(header, wanted);
            assert_eq!(rows[0][0], "dxcon-12345678");
            assert_eq!([rows[0][1].width(), rows[0][2].width()], expected, "{name} {error}");
        };
        check("a", "b", [1, 1]);
        check(&long, "b", [57, 1]);
        check(&long, &long, [31, 31]);
        check("short", &long, [5, 57]);
        // A wide character that does not fit leaves a column free.
        check(&"\u{4e2d}".repeat(60), "b", [57, 1]);
        assert_eq!(cut("\u{4e2d}\u{4e2d}", 4), "\u{4e2d}…");
        let ids = "i".repeat(90);
        let (_, rows) = table(&["ID", "NAME"], &["ID", "NAME"], vec![vec![ids.clone(), long]]);
        assert_eq!((&rows[0][0], rows[0][1].width()), (&ids, LEAST));
    }
}
