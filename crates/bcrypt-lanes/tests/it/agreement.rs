//! Every lane count gives what the `bcrypt` crate gives, over mixtures of passwords of every length.

use bcrypt_lanes::{Input, MOST_LANES, digests_with};

use crate::support::Chance;

/// In all, over the eight lane counts: 20,000.
const CASES: usize = 2500;

fn agrees(lanes: usize) {
    let seed = 0x0bc7_7000 + lanes as u64;
    let mut chance = Chance::new(seed);
    let mut compared = 0;
    while compared < CASES {
        // Now and then fewer than there are lanes, as at the end of a queue; and more.
        let together = 1 + chance.below(lanes * 2);
        let passwords: Vec<Vec<u8>> = (0..together)
            .map(|_| {
                let length = chance.below(90);
                chance.bytes(length)
            })
            .collect();
        let inputs: Vec<Input<'_>> =
            passwords.iter().map(|password| Input { password, salt: chance.salt() }).collect();

        let computed = digests_with(lanes, 4, &inputs);

        assert_eq!(computed.len(), together);
        for (input, digest) in inputs.iter().zip(computed) {
            let mut key = input.password.to_vec();
            key.push(0);
            key.truncate(72);
            let expected = bcrypt::bcrypt(4, input.salt, &key);
            assert_eq!(digest, expected[..23], "{lanes} lanes, seed {seed}, case {compared}");
            compared += 1;
        }
    }
}

macro_rules! agreement {
    ($($name:ident: $lanes:expr),*) => {
        $(#[test]
        fn $name() {
            agrees($lanes);
        })*
    };
}

agreement!(
    one_lane_agrees: 1, two_lanes_agree: 2, three_lanes_agree: 3, four_lanes_agree: 4,
    five_lanes_agree: 5, six_lanes_agree: 6, seven_lanes_agree: 7, eight_lanes_agree: 8
);

#[test]
fn a_number_of_lanes_that_is_none_counts_as_the_nearest() {
    let inputs = [Input { password: b"a", salt: [1; 16] }; 20];
    let expected = digests_with(1, 4, &inputs);

    for lanes in [0, MOST_LANES + 1, usize::MAX] {
        assert_eq!(digests_with(lanes, 4, &inputs), expected);
    }
    assert!(digests_with(4, 4, &[]).is_empty());
}
