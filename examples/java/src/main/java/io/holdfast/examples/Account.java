package io.holdfast.examples;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;

/** An account, to JPA. */
@Entity
@Table(name = "account")
class Account {
  @Id private String name = "";
  private long balance;

  /** For JPA. */
  protected Account() {}

  void deposit(long amount) {
    balance += amount;
  }

  @Override
  public String toString() {
    return name + ": " + balance;
  }
}
