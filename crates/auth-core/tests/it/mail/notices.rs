//! Notices of changed passwords and new devices.

use auth_core::{
    mail::{DeliveryReport, MailOptions},
    model::{ClientInfo, MailKind, ResetToken},
};

use super::{RecordingMailer, with_mail};
use crate::support::{ADA, PASSWORD, World, email, login};

/// asvs 6.3.7: a notice is stored in the transaction that causes it.
#[tokio::test]
async fn a_changed_password_is_notified() {
    let (world, mailer) = with_mail().await;
    let token = world.auth.issue_reset_token(&email(ADA)).await.unwrap();
    assert!(world.resets(&ResetToken::from_bits([1; 16])).await.is_err());
    world.resets(&token).await.unwrap();

    world.auth.deliver_due(&mailer).await.unwrap();

    assert_eq!(mailer.kinds(), [MailKind::PasswordChanged]);
}

/// asvs 6.3.5
#[tokio::test]
async fn a_login_on_a_new_device_is_notified_but_neither_the_first_one_nor_on_a_known_device() {
    let (world, mailer) = with_mail().await;
    let known = world.log_in(ADA, PASSWORD).await.unwrap().device.unwrap();
    let again = login(ADA, PASSWORD).with_device(&known);
    world.send(again).await.unwrap();
    assert_eq!(world.auth.deliver_due(&mailer).await.unwrap(), DeliveryReport::default());

    let client = ClientInfo::new(Some([198, 51, 100, 7].into()), Some("test"));
    let elsewhere = login(ADA, PASSWORD).with_client(client);
    world.send(elsewhere).await.unwrap();
    assert!(world.log_in(ADA, "wrong").await.is_err());
    world.auth.deliver_due(&mailer).await.unwrap();

    assert_eq!(mailer.kinds(), [MailKind::NewDevice]);
}

#[tokio::test]
async fn notices_can_be_turned_off() {
    for (options, kinds) in [
        (MailOptions::default(), vec![]),
        (
            MailOptions { notices: true, new_device_notices: false, ..Default::default() },
            vec![MailKind::PasswordChanged],
        ),
    ] {
        let (world, mailer) = (World::with_mail(options).await, RecordingMailer::default());
        world.register(ADA).await;
        for _ in 0..2 {
            world.log_in(ADA, PASSWORD).await.unwrap();
        }
        let token = world.auth.issue_reset_token(&email(ADA)).await.unwrap();
        world.resets(&token).await.unwrap();

        world.auth.deliver_due(&mailer).await.unwrap();
        assert_eq!(mailer.kinds(), kinds);
    }
}
