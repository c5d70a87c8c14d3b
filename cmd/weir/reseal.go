package main

import (
	"context"
	"fmt"

	"weir/internal/audit"
	"weir/internal/org"
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
