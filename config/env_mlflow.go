package config

import "errors"

// MLflow is what a tracking server of MLflow is asked with, as the environment
// has it for MLflow's own client too.
type MLflow struct {
	User            string // MLFLOW_TRACKING_USERNAME
	Password, Token Secret // MLFLOW_TRACKING_PASSWORD, MLFLOW_TRACKING_TOKEN
}

// Check says what is wrong with it. Only who speaks to MLflow needs to ask.
func (m MLflow) Check() error {
	if (m.User == "") != (m.Password.Reveal() == "") {
		return errors.New("environment: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD: only one of the two is set; want both or neither")
	}
	return nil
}

func readMLflow(get func(string) string) MLflow {
	return MLflow{
		User: get("MLFLOW_TRACKING_USERNAME"), Password: NewSecret(get("MLFLOW_TRACKING_PASSWORD")),
		Token: NewSecret(get("MLFLOW_TRACKING_TOKEN")),
	}
}
