package main

import (
	"context"
	"fmt"

	"weir/internal/audit"
	"weir/internal/notify"
	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/vault"
)

// resealSecondFactors seals second factors anew that only a former master key
// opens. Nobody can enter them again as an operator does with provider keys, so
// that without this a former key could never be put away.
func resealSecondFactors(ctx context.Context, store org.Store, v *vault.Vault) error {
	var stale []org.SecondFactor
	err := store.View(ctx, func(r org.Reader) error {
		return r.EachSecondFactor(ctx, func(f org.SecondFactor) error {
			if v.Stale(f.Secret) {
				stale = append(stale, f)
			}
			return nil
		})
	})
	for _, f := range stale {
		if err != nil {
			break
		}
		_, err = store.Update(ctx, audit.System(f.OrganizationID), func(tx org.Tx) error {
			now, err := tx.SecondFactor(ctx, f.OrganizationID, f.UserID) // another node may have changed it
			if err != nil {
				return err
			}
			place := org.SecondFactorPlace(now.UserID)
			plain, err := v.Open(now.Secret, place)
			if err != nil {
				return err
			}
			if now.Secret, err = v.Seal(plain, place); err != nil {
				return err
			}
			return tx.PutSecondFactor(ctx, now)
		})
	}
	if err != nil {
		return fmt.Errorf("sealing second factors under the present master key: %w", err)
	}
	return nil
}

// resealChannels does the same for what notification channels post to: a former
// key can be put away then.
func resealChannels(ctx context.Context, store org.Store, v *vault.Vault) error {
	var stale []org.NotificationChannel
	err := store.View(ctx, func(r org.Reader) error {
		return r.EachNotificationChannel(ctx, func(c org.NotificationChannel) error {
			if c.Target.URL != nil && v.Stale(c.Target.URL) || c.Target.Secret != nil && v.Stale(c.Target.Secret) {
				stale = append(stale, c)
			}
			return nil
		})
	})
	for _, c := range stale {
		if err != nil {
			break
		}
		_, err = store.Update(ctx, audit.System(c.OrganizationID), func(tx org.Tx) error {
			now, err := tx.NotificationChannel(ctx, c.OrganizationID, c.ID)
			if err != nil {
				return err
			}
			for place, sealed := range map[string]*routing.Sealed{notify.URLPlace(c.ID): &now.Target.URL, notify.SecretPlace(c.ID): &now.Target.Secret} {
				if *sealed == nil {
					continue
				}
				plain, err := v.Open(*sealed, place)
				if err != nil {
					continue // its deliveries say so, until it is entered again
				}
				if *sealed, err = v.Seal(plain, place); err != nil {
					return err
				}
			}
			return tx.UpdateNotificationChannel(ctx, now)
		})
	}
	if err != nil {
		return fmt.Errorf("sealing what notification channels post to under the present master key: %w", err)
	}
	return nil
}
