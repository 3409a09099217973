SELECT
  `t0`.`account_id`,
  `t0`.`merged_into`,
  `t0`.`segment`,
  CAST(DATE_DIFF(DATE(`t0`.`occurred_at`), DATE(1970, 1, 1), DAY) AS INT64) AS `occurred`,
  CAST(DATE_DIFF(DATE(`t0`.`known_at`), DATE(1970, 1, 1), DAY) AS INT64) AS `known`
FROM `raw`.`accounts` AS `t0`
ORDER BY
  `t0`.`account_id` ASC NULLS LAST,
  `t0`.`occurred_at` ASC NULLS LAST,
  `t0`.`known_at` ASC NULLS LAST;

SELECT
  `t0`.`account_id`,
  `t0`.`merged_into`,
  CAST(DATE_DIFF(DATE(`t0`.`merged_at`), DATE(1970, 1, 1), DAY) AS FLOAT64) AS `day`
FROM `raw`.`accounts` AS `t0`
WHERE
  `t0`.`merged_into` IS NOT NULL
ORDER BY
  `t0`.`account_id` ASC NULLS LAST,
  `t0`.`occurred_at` ASC NULLS LAST,
  `t0`.`known_at` ASC NULLS LAST;

SELECT
  `t4`.`account`,
  `t4`.`account_id` AS `own`,
  `t4`.`contract_id`,
  `t4`.`plan`,
  `t4`.`seats`,
  `t4`.`arr`,
  COALESCE(
    CAST(DATE_DIFF(DATE(CAST(`t4`.`term_start` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64),
    1073741824
  ) AS `start`,
  COALESCE(
    CAST(DATE_DIFF(DATE(CAST(`t4`.`term_end` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64),
    1073741824
  ) AS `end`,
  COALESCE(`t4`.`auto_renew`, FALSE) AS `renews`,
  `t4`.`auto_renew` IS NOT NULL AS `renewal_known`,
  CAST(`t4`.`notice_days` AS FLOAT64) AS `notice`,
  COALESCE(`t4`.`status`, 'active') = 'active' AS `active`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `occurred`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`known_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `known`
FROM (
  SELECT
    `t2`.`contract_id`,
    `t2`.`account_id`,
    `t2`.`plan`,
    `t2`.`plan_rank`,
    `t2`.`seats`,
    `t2`.`arr`,
    `t2`.`currency`,
    `t2`.`term_start`,
    `t2`.`term_end`,
    `t2`.`auto_renew`,
    `t2`.`notice_days`,
    `t2`.`status`,
    `t2`.`occurred_at`,
    `t2`.`known_at`,
    `t3`.`account`
  FROM `raw`.`contracts` AS `t2`
  INNER JOIN `account_numbers` AS `t3`
    ON `t2`.`account_id` = `t3`.`account_id`
) AS `t4`
ORDER BY
  `t4`.`account` ASC NULLS LAST,
  `t4`.`contract_id` ASC NULLS LAST,
  `t4`.`occurred_at` ASC NULLS LAST,
  `t4`.`known_at` ASC NULLS LAST,
  `t4`.`plan` ASC NULLS LAST,
  `t4`.`arr` ASC NULLS LAST;

SELECT
  `t4`.`account`,
  `t4`.`account_id` AS `own`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `occurred`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`known_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `known`,
  COALESCE(
    CAST(DATE_DIFF(DATE(CAST(`t4`.`notice_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64),
    1073741824
  ) AS `notice`
FROM (
  SELECT
    `t2`.`outcome_id`,
    `t2`.`account_id`,
    `t2`.`kind`,
    `t2`.`notice_at`,
    `t2`.`arr_lost`,
    `t2`.`currency`,
    `t2`.`reason`,
    `t2`.`read_off_terms`,
    `t2`.`occurred_at`,
    `t2`.`known_at`,
    `t3`.`account`
  FROM `raw`.`outcomes` AS `t2`
  INNER JOIN `account_numbers` AS `t3`
    ON `t2`.`account_id` = `t3`.`account_id`
) AS `t4`
WHERE
  `t4`.`kind` = 'logo_churn'
ORDER BY
  `t4`.`account` ASC NULLS LAST,
  `t4`.`occurred_at` ASC NULLS LAST,
  `t4`.`known_at` ASC NULLS LAST;

SELECT
  `t4`.`account`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `occurred`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`known_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `known`,
  `t4`.`kind` = 'notice_given' AS `notice`
FROM (
  SELECT
    `t2`.`event_id`,
    `t2`.`account_id`,
    `t2`.`contract_id`,
    `t2`.`kind`,
    `t2`.`arr_change`,
    `t2`.`currency`,
    `t2`.`occurred_at`,
    `t2`.`known_at`,
    `t3`.`account`
  FROM `raw`.`contract_events` AS `t2`
  INNER JOIN `account_numbers` AS `t3`
    ON `t2`.`account_id` = `t3`.`account_id`
) AS `t4`
WHERE
  `t4`.`kind` IN ('notice_given', 'renewed', 'new')
ORDER BY
  `t4`.`account` ASC NULLS LAST,
  `t4`.`occurred_at` ASC NULLS LAST,
  `t4`.`known_at` ASC NULLS LAST;

SELECT
  `t5`.`feature`,
  MIN(`t5`.`seen`) AS `first_seen`
FROM (
  SELECT
    `t2`.`account`,
    COALESCE(`t4`.`user_id`, '') AS `user_id`,
    `t4`.`feature`,
    `t4`.`events`,
    CAST(DATE_DIFF(`t4`.`occurred_at`, DATE(1970, 1, 1), DAY) AS INT64) AS `day`,
    GREATEST(
      CAST(DATE_DIFF(`t4`.`occurred_at`, DATE(1970, 1, 1), DAY) AS INT64),
      CAST(DATE_DIFF(DATE(`t4`.`known_at`), DATE(1970, 1, 1), DAY) AS INT64)
    ) AS `seen`
  FROM (
    SELECT
      *
    FROM `raw`.`usage` AS `t0`
    WHERE
      `t0`.`events` > 0
  ) AS `t4`
  INNER JOIN `account_numbers` AS `t2`
    ON `t4`.`account_id` = `t2`.`account_id`
) AS `t5`
GROUP BY
  1;

SELECT
  *
FROM (
  SELECT
    `t8`.`account`,
    `t8`.`day`,
    SUM(`t8`.`events`) AS `sum0`,
    SUM(IF(`t8`.`in0`, `t8`.`events`, 0.0)) AS `sum1`,
    SUM(IF(`t8`.`in1`, `t8`.`events`, 0.0)) AS `sum2`,
    BIT_OR(
      IF(
        (
          `t8`.`bit` >= 0
        ) AND (
          `t8`.`bit` < 63
        ),
        CAST(1 AS INT64) << IF((
          `t8`.`bit` >= 0
        ) AND (
          `t8`.`bit` < 63
        ), `t8`.`bit` - 0, 0),
        0
      )
    ) AS `mask0`
  FROM (
    SELECT
      *
    FROM (
      SELECT
        `t3`.`account`,
        COALESCE(`t6`.`user_id`, '') AS `user_id`,
        `t6`.`feature`,
        `t6`.`events`,
        CAST(DATE_DIFF(`t6`.`occurred_at`, DATE(1970, 1, 1), DAY) AS INT64) AS `day`,
        GREATEST(
          CAST(DATE_DIFF(`t6`.`occurred_at`, DATE(1970, 1, 1), DAY) AS INT64),
          CAST(DATE_DIFF(DATE(`t6`.`known_at`), DATE(1970, 1, 1), DAY) AS INT64)
        ) AS `seen`,
        `t4`.`bit`,
        `t4`.`in0`,
        `t4`.`in1`
      FROM (
        SELECT
          *
        FROM `raw`.`usage` AS `t0`
        WHERE
          `t0`.`events` > 0
      ) AS `t6`
      INNER JOIN `account_numbers` AS `t3`
        ON `t6`.`account_id` = `t3`.`account_id`
      INNER JOIN `features` AS `t4`
        ON `t6`.`feature` = `t4`.`feature`
    ) AS `t7`
    WHERE
      (
        `t7`.`seen` - `t7`.`day`
      ) = 0
  ) AS `t8`
  GROUP BY
    1,
    2
) AS `t9`
ORDER BY
  `t9`.`account` ASC NULLS LAST,
  `t9`.`day` ASC NULLS LAST;

SELECT
  `t8`.`account`,
  `t8`.`user_id`,
  `t8`.`block`,
  BIT_OR(CAST(1 AS INT64) << CAST(`t8`.`day` - (
    `t8`.`block` * 63
  ) AS INT64)) AS `word`
FROM (
  SELECT
    `t7`.`account`,
    `t7`.`user_id`,
    `t7`.`feature`,
    `t7`.`events`,
    `t7`.`day`,
    `t7`.`seen`,
    `t7`.`bit`,
    `t7`.`in0`,
    `t7`.`in1`,
    CAST(CAST(FLOOR(ieee_divide(`t7`.`day`, 63)) AS INT64) AS INT64) AS `block`
  FROM (
    SELECT
      `t3`.`account`,
      COALESCE(`t6`.`user_id`, '') AS `user_id`,
      `t6`.`feature`,
      `t6`.`events`,
      CAST(DATE_DIFF(`t6`.`occurred_at`, DATE(1970, 1, 1), DAY) AS INT64) AS `day`,
      GREATEST(
        CAST(DATE_DIFF(`t6`.`occurred_at`, DATE(1970, 1, 1), DAY) AS INT64),
        CAST(DATE_DIFF(DATE(`t6`.`known_at`), DATE(1970, 1, 1), DAY) AS INT64)
      ) AS `seen`,
      `t4`.`bit`,
      `t4`.`in0`,
      `t4`.`in1`
    FROM (
      SELECT
        *
      FROM `raw`.`usage` AS `t0`
      WHERE
        `t0`.`events` > 0
    ) AS `t6`
    INNER JOIN `account_numbers` AS `t3`
      ON `t6`.`account_id` = `t3`.`account_id`
    INNER JOIN `features` AS `t4`
      ON `t6`.`feature` = `t4`.`feature`
  ) AS `t7`
  WHERE
    (
      `t7`.`seen` - `t7`.`day`
    ) = 0 AND `t7`.`user_id` <> ''
) AS `t8`
GROUP BY
  1,
  2,
  3;

SELECT
  `t8`.`account`,
  `t8`.`user_id`,
  `t8`.`day`,
  `t8`.`seen`,
  `t8`.`bit`,
  SUM(`t8`.`events`) AS `events`
FROM (
  SELECT
    *
  FROM (
    SELECT
      `t3`.`account`,
      COALESCE(`t6`.`user_id`, '') AS `user_id`,
      `t6`.`feature`,
      `t6`.`events`,
      CAST(DATE_DIFF(`t6`.`occurred_at`, DATE(1970, 1, 1), DAY) AS INT64) AS `day`,
      GREATEST(
        CAST(DATE_DIFF(`t6`.`occurred_at`, DATE(1970, 1, 1), DAY) AS INT64),
        CAST(DATE_DIFF(DATE(`t6`.`known_at`), DATE(1970, 1, 1), DAY) AS INT64)
      ) AS `seen`,
      `t4`.`bit`,
      `t4`.`in0`,
      `t4`.`in1`
    FROM (
      SELECT
        *
      FROM `raw`.`usage` AS `t0`
      WHERE
        `t0`.`events` > 0
    ) AS `t6`
    INNER JOIN `account_numbers` AS `t3`
      ON `t6`.`account_id` = `t3`.`account_id`
    INNER JOIN `features` AS `t4`
      ON `t6`.`feature` = `t4`.`feature`
  ) AS `t7`
  WHERE
    (
      `t7`.`seen` - `t7`.`day`
    ) <> 0
) AS `t8`
GROUP BY
  1,
  2,
  3,
  4,
  5;

SELECT
  COUNT(*) AS `n`
FROM (
  SELECT
    `t2`.`account_id`,
    `t2`.`user_id`,
    `t2`.`feature`,
    `t2`.`events`,
    `t2`.`occurred_at`,
    `t2`.`known_at`
  FROM `raw`.`usage` AS `t2`
  WHERE
    NOT EXISTS(
      SELECT
        1
      FROM `account_numbers` AS `t3`
      WHERE
        `t2`.`account_id` = `t3`.`account_id`
    )
) AS `t4`;

SELECT
  `t4`.`account`,
  DATE_DIFF(`t4`.`occurred_at`, DATE(1970, 1, 1), DAY) AS `occurred`,
  DATE_DIFF(CAST(`t4`.`known_at` AS DATE), DATE(1970, 1, 1), DAY) AS `known`,
  `t4`.`users`
FROM (
  SELECT
    `t2`.`account_id`,
    `t2`.`users`,
    `t2`.`occurred_at`,
    `t2`.`known_at`,
    `t3`.`account`
  FROM `raw`.`daily_users` AS `t2`
  INNER JOIN `account_numbers` AS `t3`
    ON `t2`.`account_id` = `t3`.`account_id`
) AS `t4`
WHERE
  `t4`.`users` > 0
ORDER BY
  `t4`.`account` ASC NULLS LAST,
  `t4`.`occurred_at` ASC NULLS LAST,
  `t4`.`known_at` ASC NULLS LAST;

SELECT DISTINCT
  `t4`.`title`
FROM (
  SELECT
    *
  FROM (
    SELECT
      `t0`.`contact_id`,
      `t0`.`title`,
      CAST(NULL AS DATETIME) AS `since`,
      GREATEST(CAST(`t0`.`occurred_at` AS DATETIME), CAST(`t0`.`known_at` AS DATETIME)) AS `known_at`
    FROM `raw`.`contacts` AS `t0`
  ) AS `t2`
  UNION ALL
  SELECT
    *
  FROM (
    SELECT
      `t1`.`contact_id`,
      `t1`.`title`,
      CAST(`t1`.`occurred_at` AS DATETIME) AS `since`,
      GREATEST(CAST(`t1`.`occurred_at` AS DATETIME), CAST(`t1`.`known_at` AS DATETIME)) AS `known_at`
    FROM `raw`.`contact_changes` AS `t1`
  ) AS `t3`
) AS `t4`
WHERE
  `t4`.`title` IS NOT NULL AND TRIM(`t4`.`title`, ' \t\n\r\v\f') <> '';

SELECT
  `t22`.`account`,
  CAST(DATE_DIFF(DATE(CAST(`t22`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `occurred`,
  CAST(DATE_DIFF(DATE(CAST(`t22`.`known_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `known`,
  COALESCE(
    CAST(DATE_DIFF(DATE(`t22`.`executive_at`), DATE(1970, 1, 1), DAY) AS INT64),
    1073741824
  ) AS `day:executive_at`,
  CAST(UNIX_SECONDS(`t22`.`executive_at`) AS FLOAT64) AS `second:executive_at`,
  COALESCE(CAST(DATE_DIFF(DATE(`t22`.`left_at`), DATE(1970, 1, 1), DAY) AS INT64), 1073741824) AS `day:left_at`,
  CAST(UNIX_SECONDS(`t22`.`left_at`) AS FLOAT64) AS `second:left_at`,
  COALESCE(
    CAST(DATE_DIFF(DATE(CAST(`t22`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64),
    1073741824
  ) AS `day:occurred_at`,
  CAST(UNIX_SECONDS(CAST(`t22`.`occurred_at` AS DATETIME)) AS FLOAT64) AS `second:occurred_at`,
  COALESCE(
    CAST(DATE_DIFF(DATE(`t22`.`titled_at`), DATE(1970, 1, 1), DAY) AS INT64),
    1073741824
  ) AS `day:titled_at`,
  CAST(UNIX_SECONDS(`t22`.`titled_at`) AS FLOAT64) AS `second:titled_at`
FROM (
  SELECT
    `t21`.`contact_id`,
    `t21`.`account_id`,
    `t21`.`occurred_at`,
    `t21`.`known_at`,
    `t21`.`titled_at`,
    `t21`.`executive_at`,
    `t21`.`left_at`,
    `t3`.`account`
  FROM (
    SELECT
      `t19`.*
      EXCEPT (`contact_id_right`)
    FROM (
      SELECT
        `t18`.`contact_id`,
        `t18`.`account_id`,
        `t18`.`occurred_at`,
        `t18`.`known_at`,
        `t18`.`titled_at`,
        `t18`.`executive_at`,
        `t11`.`contact_id` AS `contact_id_right`,
        `t11`.`left_at`
      FROM (
        SELECT
          `t16`.*
          EXCEPT (`contact_id_right`)
        FROM (
          SELECT
            `t6`.`contact_id`,
            `t6`.`account_id`,
            `t6`.`occurred_at`,
            `t6`.`known_at`,
            `t15`.`contact_id` AS `contact_id_right`,
            `t15`.`titled_at`,
            `t15`.`executive_at`
          FROM (
            SELECT
              `t2`.`contact_id`,
              `t2`.`account_id`,
              `t2`.`occurred_at`,
              `t2`.`known_at`
            FROM `raw`.`contacts` AS `t2`
          ) AS `t6`
          LEFT OUTER JOIN (
            SELECT
              `t13`.`contact_id`,
              MIN(`t13`.`known_at`) AS `titled_at`,
              MIN(IF(`t13`.`executive`, `t13`.`known_at`, NULL)) AS `executive_at`
            FROM (
              SELECT
                `t12`.*
                EXCEPT (`title`)
              FROM (
                SELECT
                  `t9`.`contact_id`,
                  `t9`.`title`,
                  `t9`.`since`,
                  `t9`.`known_at`,
                  `t9`.`title` IN ('Chief of Staff', 'SVP, Product', 'VP Sales') AS `executive`
                FROM (
                  SELECT
                    *
                  FROM (
                    SELECT
                      `t2`.`contact_id`,
                      `t2`.`title`,
                      CAST(NULL AS DATETIME) AS `since`,
                      GREATEST(CAST(`t2`.`occurred_at` AS DATETIME), CAST(`t2`.`known_at` AS DATETIME)) AS `known_at`
                    FROM `raw`.`contacts` AS `t2`
                  ) AS `t8`
                  UNION ALL
                  SELECT
                    *
                  FROM (
                    SELECT
                      `t1`.`contact_id`,
                      `t1`.`title`,
                      CAST(`t1`.`occurred_at` AS DATETIME) AS `since`,
                      GREATEST(CAST(`t1`.`occurred_at` AS DATETIME), CAST(`t1`.`known_at` AS DATETIME)) AS `known_at`
                    FROM `raw`.`contact_changes` AS `t1`
                  ) AS `t7`
                ) AS `t9`
                WHERE
                  `t9`.`title` IS NOT NULL AND TRIM(`t9`.`title`, ' \t\n\r\v\f') <> ''
              ) AS `t12`
            ) AS `t13`
            GROUP BY
              1
          ) AS `t15`
            ON `t6`.`contact_id` = `t15`.`contact_id`
        ) AS `t16`
      ) AS `t18`
      LEFT OUTER JOIN (
        SELECT
          `t5`.`contact_id`,
          MIN(
            GREATEST(CAST(`t5`.`occurred_at` AS DATETIME), CAST(`t5`.`known_at` AS DATETIME))
          ) AS `left_at`
        FROM (
          SELECT
            *
          FROM `raw`.`contact_changes` AS `t1`
          WHERE
            `t1`.`kind` = 'left'
        ) AS `t5`
        GROUP BY
          1
      ) AS `t11`
        ON `t18`.`contact_id` = `t11`.`contact_id`
    ) AS `t19`
  ) AS `t21`
  INNER JOIN `account_numbers` AS `t3`
    ON `t21`.`account_id` = `t3`.`account_id`
) AS `t22`
ORDER BY
  `t22`.`account` ASC NULLS LAST,
  `t22`.`occurred_at` ASC NULLS LAST,
  `t22`.`known_at` ASC NULLS LAST,
  `t22`.`contact_id` ASC NULLS LAST;

SELECT
  `t4`.`account`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `occurred`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`known_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `known`,
  COALESCE(
    CAST(DATE_DIFF(DATE(CAST(`t4`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64),
    1073741824
  ) AS `day:occurred_at`,
  CAST(UNIX_SECONDS(CAST(`t4`.`occurred_at` AS DATETIME)) AS FLOAT64) AS `second:occurred_at`,
  COALESCE(`t4`.`kind` IN ('left'), FALSE) AS `where:kind=left`
FROM (
  SELECT
    `t2`.`change_id`,
    `t2`.`account_id`,
    `t2`.`contact_id`,
    `t2`.`kind`,
    `t2`.`role`,
    `t2`.`title`,
    `t2`.`occurred_at`,
    `t2`.`known_at`,
    `t3`.`account`
  FROM `raw`.`contact_changes` AS `t2`
  INNER JOIN `account_numbers` AS `t3`
    ON `t2`.`account_id` = `t3`.`account_id`
) AS `t4`
ORDER BY
  `t4`.`account` ASC NULLS LAST,
  `t4`.`occurred_at` ASC NULLS LAST,
  `t4`.`known_at` ASC NULLS LAST,
  `t4`.`change_id` ASC NULLS LAST;

SELECT
  `t4`.`account`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `occurred`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`known_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `known`,
  COALESCE(
    CAST(DATE_DIFF(DATE(CAST(`t4`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64),
    1073741824
  ) AS `day:occurred_at`,
  CAST(UNIX_SECONDS(CAST(`t4`.`occurred_at` AS DATETIME)) AS FLOAT64) AS `second:occurred_at`,
  COALESCE(`t4`.`kind` IN ('modification_requested'), FALSE) AS `where:kind=modification_requested`,
  COALESCE(`t4`.`kind` IN ('price_increase_announced'), FALSE) AS `where:kind=price_increase_announced`,
  COALESCE(`t4`.`kind` IN ('expanded', 'upgraded'), FALSE) AS `where:kind=expanded|upgraded`,
  COALESCE(`t4`.`kind` IN ('contracted', 'downgraded'), FALSE) AS `where:kind=contracted|downgraded`
FROM (
  SELECT
    `t2`.`event_id`,
    `t2`.`account_id`,
    `t2`.`contract_id`,
    `t2`.`kind`,
    `t2`.`arr_change`,
    `t2`.`currency`,
    `t2`.`occurred_at`,
    `t2`.`known_at`,
    `t3`.`account`
  FROM `raw`.`contract_events` AS `t2`
  INNER JOIN `account_numbers` AS `t3`
    ON `t2`.`account_id` = `t3`.`account_id`
) AS `t4`
ORDER BY
  `t4`.`account` ASC NULLS LAST,
  `t4`.`occurred_at` ASC NULLS LAST,
  `t4`.`known_at` ASC NULLS LAST,
  `t4`.`event_id` ASC NULLS LAST;

SELECT
  `t4`.`account`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `occurred`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`known_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `known`,
  `t4`.`pulse` AS `number:pulse`
FROM (
  SELECT
    `t2`.`pulse_id`,
    `t2`.`account_id`,
    `t2`.`pulse`,
    `t2`.`occurred_at`,
    `t2`.`known_at`,
    `t3`.`account`
  FROM `raw`.`csm_pulses` AS `t2`
  INNER JOIN `account_numbers` AS `t3`
    ON `t2`.`account_id` = `t3`.`account_id`
) AS `t4`
ORDER BY
  `t4`.`account` ASC NULLS LAST,
  `t4`.`occurred_at` ASC NULLS LAST,
  `t4`.`known_at` ASC NULLS LAST,
  `t4`.`pulse_id` ASC NULLS LAST;

SELECT
  `t26`.`account`,
  CAST(DATE_DIFF(DATE(CAST(`t26`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `occurred`,
  CAST(DATE_DIFF(DATE(CAST(`t26`.`known_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `known`,
  COALESCE(`t26`.`role` IN ('champion', 'sponsor'), FALSE) AS `where:role=champion|sponsor`
FROM (
  SELECT
    `t25`.`change_id`,
    `t25`.`account_id`,
    `t25`.`role`,
    `t25`.`occurred_at`,
    `t25`.`known_at`,
    `t3`.`account`
  FROM (
    SELECT
      `t23`.`change_id`,
      `t23`.`account_id`,
      COALESCE(`t23`.`had`, `t23`.`held`) AS `role`,
      `t23`.`occurred_at`,
      IF(
        `t23`.`had` IS NULL,
        GREATEST(`t23`.`known_at`, `t23`.`held_known`),
        `t23`.`known_at`
      ) AS `known_at`
    FROM (
      SELECT
        `t22`.`change_id`,
        `t22`.`account_id`,
        `t22`.`contact_id`,
        `t22`.`occurred_at`,
        `t22`.`known_at`,
        `t22`.`had`,
        `t22`.`new`,
        `t9`.`held_by`,
        `t9`.`held`,
        `t9`.`held_known`
      FROM (
        SELECT
          *
        FROM (
          SELECT
            `t1`.`change_id`,
            `t1`.`account_id`,
            `t1`.`contact_id`,
            `t1`.`occurred_at`,
            `t1`.`known_at`,
            `t1`.`role` AS `had`,
            CAST(NULL AS STRING) AS `new`
          FROM `raw`.`contact_changes` AS `t1`
          WHERE
            `t1`.`kind` = 'left'
        ) AS `t5`
        UNION ALL
        SELECT
          *
        FROM (
          SELECT
            `t10`.`change_id`,
            `t10`.`account_id`,
            `t10`.`contact_id`,
            `t10`.`occurred_at`,
            `t10`.`known_at`,
            `t19`.`had`,
            `t10`.`new`
          FROM (
            SELECT
              `t1`.`change_id`,
              `t1`.`account_id`,
              `t1`.`contact_id`,
              `t1`.`kind`,
              `t1`.`role`,
              `t1`.`title`,
              `t1`.`occurred_at`,
              `t1`.`known_at`,
              `t1`.`role` AS `new`
            FROM `raw`.`contact_changes` AS `t1`
            WHERE
              `t1`.`kind` = 'role_changed' AND `t1`.`role` IS NOT NULL
          ) AS `t10`
          LEFT OUTER JOIN (
            SELECT
              `t17`.`change_id` AS `moved`,
              `t17`.`had`
            FROM (
              SELECT
                `t16`.`change_id`,
                MAX(`t16`.`had`) AS `had`
              FROM (
                SELECT
                  `t11`.`change_id`,
                  `t12`.`had`,
                  `t12`.`began`,
                  `t15`.`latest`
                FROM (
                  SELECT
                    `t1`.`change_id`,
                    `t1`.`contact_id`,
                    `t1`.`occurred_at`,
                    `t1`.`known_at`
                  FROM `raw`.`contact_changes` AS `t1`
                  WHERE
                    `t1`.`kind` = 'role_changed' AND `t1`.`role` IS NOT NULL
                ) AS `t11`
                INNER JOIN (
                  SELECT
                    `t1`.`contact_id` AS `whose`,
                    `t1`.`role` AS `had`,
                    `t1`.`occurred_at` AS `began`,
                    `t1`.`known_at` AS `told`
                  FROM `raw`.`contact_changes` AS `t1`
                  WHERE
                    `t1`.`kind` = 'role_changed' AND `t1`.`role` IS NOT NULL
                ) AS `t12`
                  ON `t11`.`contact_id` = `t12`.`whose`
                  AND `t12`.`began` < `t11`.`occurred_at`
                  AND `t12`.`told` <= `t11`.`known_at`
                INNER JOIN (
                  SELECT
                    `t13`.`change_id`,
                    MAX(`t13`.`began`) AS `latest`
                  FROM (
                    SELECT
                      `t11`.`change_id`,
                      `t12`.`had`,
                      `t12`.`began`
                    FROM (
                      SELECT
                        `t1`.`change_id`,
                        `t1`.`contact_id`,
                        `t1`.`occurred_at`,
                        `t1`.`known_at`
                      FROM `raw`.`contact_changes` AS `t1`
                      WHERE
                        `t1`.`kind` = 'role_changed' AND `t1`.`role` IS NOT NULL
                    ) AS `t11`
                    INNER JOIN (
                      SELECT
                        `t1`.`contact_id` AS `whose`,
                        `t1`.`role` AS `had`,
                        `t1`.`occurred_at` AS `began`,
                        `t1`.`known_at` AS `told`
                      FROM `raw`.`contact_changes` AS `t1`
                      WHERE
                        `t1`.`kind` = 'role_changed' AND `t1`.`role` IS NOT NULL
                    ) AS `t12`
                      ON `t11`.`contact_id` = `t12`.`whose`
                      AND `t12`.`began` < `t11`.`occurred_at`
                      AND `t12`.`told` <= `t11`.`known_at`
                  ) AS `t13`
                  GROUP BY
                    1
                ) AS `t15`
                  ON `t11`.`change_id` = `t15`.`change_id` AND `t12`.`began` = `t15`.`latest`
              ) AS `t16`
              GROUP BY
                1
            ) AS `t17`
          ) AS `t19`
            ON `t10`.`change_id` = `t19`.`moved`
        ) AS `t20`
      ) AS `t22`
      LEFT OUTER JOIN (
        SELECT
          `t2`.`contact_id` AS `held_by`,
          `t2`.`role` AS `held`,
          `t2`.`known_at` AS `held_known`
        FROM `raw`.`contacts` AS `t2`
      ) AS `t9`
        ON `t22`.`contact_id` = `t9`.`held_by`
    ) AS `t23`
    WHERE
      COALESCE(`t23`.`had`, `t23`.`held`) IS NOT NULL
      AND (
        (
          `t23`.`new` IS NULL
        )
        OR NOT (
          (
            `t23`.`new` = COALESCE(`t23`.`had`, `t23`.`held`)
          )
          OR (
            `t23`.`new` IN ('champion', 'sponsor')
            AND COALESCE(`t23`.`had`, `t23`.`held`) IN ('champion', 'sponsor')
          )
        )
      )
  ) AS `t25`
  INNER JOIN `account_numbers` AS `t3`
    ON `t25`.`account_id` = `t3`.`account_id`
) AS `t26`
ORDER BY
  `t26`.`account` ASC NULLS LAST,
  `t26`.`occurred_at` ASC NULLS LAST,
  `t26`.`known_at` ASC NULLS LAST,
  `t26`.`change_id` ASC NULLS LAST;

SELECT
  `t11`.`account`,
  `t11`.`user_id`,
  `t11`.`contact_id`,
  COALESCE(
    CAST(DATE_DIFF(DATE(`t14`.`since`), DATE(1970, 1, 1), DAY) AS INT64) + CAST(IF(`t14`.`since` = CAST(CAST(`t14`.`since` AS DATE) AS DATETIME), 0, 1) AS INT64),
    -1073741824
  ) AS `since`,
  CAST(DATE_DIFF(DATE(GREATEST(`t11`.`person_known`, `t14`.`title_known`)), DATE(1970, 1, 1), DAY) AS INT64) AS `seen`
FROM (
  SELECT
    `t7`.`contact_id`,
    `t7`.`user_id`,
    `t7`.`account`,
    GREATEST(CAST(`t7`.`occurred_at` AS DATETIME), CAST(`t7`.`known_at` AS DATETIME)) AS `person_known`
  FROM (
    SELECT
      `t3`.`contact_id`,
      `t3`.`account_id`,
      `t3`.`user_id`,
      `t3`.`first_name`,
      `t3`.`last_name`,
      `t3`.`name`,
      `t3`.`title`,
      `t3`.`team`,
      `t3`.`role`,
      `t3`.`occurred_at`,
      `t3`.`known_at`,
      `t4`.`account`
    FROM `raw`.`contacts` AS `t3`
    INNER JOIN `account_numbers` AS `t4`
      ON `t3`.`account_id` = `t4`.`account_id`
  ) AS `t7`
  WHERE
    `t7`.`user_id` IS NOT NULL AND `t7`.`user_id` <> ''
) AS `t11`
INNER JOIN (
  SELECT
    `t12`.`contact_id`,
    `t12`.`since`,
    `t12`.`known_at` AS `title_known`
  FROM (
    SELECT
      `t10`.*
      EXCEPT (`title`)
    FROM (
      SELECT
        `t8`.`contact_id`,
        `t8`.`title`,
        `t8`.`since`,
        `t8`.`known_at`,
        `t8`.`title` IN ('Chief of Staff', 'SVP, Product', 'VP Sales') AS `executive`
      FROM (
        SELECT
          *
        FROM (
          SELECT
            `t0`.`contact_id`,
            `t0`.`title`,
            CAST(NULL AS DATETIME) AS `since`,
            GREATEST(CAST(`t0`.`occurred_at` AS DATETIME), CAST(`t0`.`known_at` AS DATETIME)) AS `known_at`
          FROM `raw`.`contacts` AS `t0`
        ) AS `t5`
        UNION ALL
        SELECT
          *
        FROM (
          SELECT
            `t2`.`contact_id`,
            `t2`.`title`,
            CAST(`t2`.`occurred_at` AS DATETIME) AS `since`,
            GREATEST(CAST(`t2`.`occurred_at` AS DATETIME), CAST(`t2`.`known_at` AS DATETIME)) AS `known_at`
          FROM `raw`.`contact_changes` AS `t2`
        ) AS `t6`
      ) AS `t8`
      WHERE
        `t8`.`title` IS NOT NULL AND TRIM(`t8`.`title`, ' \t\n\r\v\f') <> ''
    ) AS `t10`
  ) AS `t12`
  WHERE
    `t12`.`executive`
) AS `t14`
  ON `t11`.`contact_id` = `t14`.`contact_id`;

SELECT
  `t18`.`account`,
  `t18`.`contact_id`,
  `t18`.`day` AS `occurred`,
  `t18`.`seen`
FROM (
  SELECT
    `t17`.`account`,
    `t17`.`contact_id`,
    `t17`.`day`,
    MIN(`t17`.`seen`) AS `seen`
  FROM (
    SELECT
      `t16`.`interaction_id`,
      `t16`.`account_id`,
      `t16`.`contact_id`,
      `t16`.`kind`,
      `t16`.`minutes`,
      `t16`.`summary`,
      `t16`.`sentiment`,
      `t16`.`occurred_at`,
      `t16`.`known_at`,
      `t16`.`account`,
      `t16`.`since`,
      `t16`.`title_known`,
      CAST(DATE_DIFF(DATE(CAST(`t16`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `day`,
      CAST(DATE_DIFF(
        DATE(
          GREATEST(
            GREATEST(CAST(`t16`.`occurred_at` AS DATETIME), CAST(`t16`.`known_at` AS DATETIME)),
            `t16`.`title_known`
          )
        ),
        DATE(1970, 1, 1),
        DAY
      ) AS INT64) AS `seen`
    FROM (
      SELECT
        `t11`.`interaction_id`,
        `t11`.`account_id`,
        `t11`.`contact_id`,
        `t11`.`kind`,
        `t11`.`minutes`,
        `t11`.`summary`,
        `t11`.`sentiment`,
        `t11`.`occurred_at`,
        `t11`.`known_at`,
        `t11`.`account`,
        `t15`.`since`,
        `t15`.`title_known`
      FROM (
        SELECT
          *
        FROM (
          SELECT
            `t4`.`interaction_id`,
            `t4`.`account_id`,
            `t4`.`contact_id`,
            `t4`.`kind`,
            `t4`.`minutes`,
            `t4`.`summary`,
            `t4`.`sentiment`,
            `t4`.`occurred_at`,
            `t4`.`known_at`,
            `t5`.`account`
          FROM `raw`.`interactions` AS `t4`
          INNER JOIN `account_numbers` AS `t5`
            ON `t4`.`account_id` = `t5`.`account_id`
        ) AS `t8`
        WHERE
          `t8`.`kind` IN ('login', 'email_reply', 'call', 'meeting', 'ebr')
          AND `t8`.`contact_id` IS NOT NULL
      ) AS `t11`
      INNER JOIN (
        SELECT
          `t13`.`contact_id`,
          `t13`.`since`,
          `t13`.`known_at` AS `title_known`
        FROM (
          SELECT
            `t12`.*
            EXCEPT (`title`)
          FROM (
            SELECT
              `t9`.`contact_id`,
              `t9`.`title`,
              `t9`.`since`,
              `t9`.`known_at`,
              `t9`.`title` IN ('Chief of Staff', 'SVP, Product', 'VP Sales') AS `executive`
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  `t2`.`contact_id`,
                  `t2`.`title`,
                  CAST(NULL AS DATETIME) AS `since`,
                  GREATEST(CAST(`t2`.`occurred_at` AS DATETIME), CAST(`t2`.`known_at` AS DATETIME)) AS `known_at`
                FROM `raw`.`contacts` AS `t2`
              ) AS `t6`
              UNION ALL
              SELECT
                *
              FROM (
                SELECT
                  `t3`.`contact_id`,
                  `t3`.`title`,
                  CAST(`t3`.`occurred_at` AS DATETIME) AS `since`,
                  GREATEST(CAST(`t3`.`occurred_at` AS DATETIME), CAST(`t3`.`known_at` AS DATETIME)) AS `known_at`
                FROM `raw`.`contact_changes` AS `t3`
              ) AS `t7`
            ) AS `t9`
            WHERE
              `t9`.`title` IS NOT NULL AND TRIM(`t9`.`title`, ' \t\n\r\v\f') <> ''
          ) AS `t12`
        ) AS `t13`
        WHERE
          `t13`.`executive`
      ) AS `t15`
        ON `t11`.`contact_id` = `t15`.`contact_id`
    ) AS `t16`
    WHERE
      (
        `t16`.`since` IS NULL
      )
      OR (
        CAST(`t16`.`occurred_at` AS DATETIME) >= `t16`.`since`
      )
  ) AS `t17`
  GROUP BY
    1,
    2,
    3
) AS `t18`;

SELECT
  `t4`.`account`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `occurred`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`known_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `known`,
  `t4`.`contact_id` AS `code:contact_id`,
  COALESCE(
    CAST(DATE_DIFF(DATE(CAST(`t4`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64),
    1073741824
  ) AS `day:occurred_at`,
  CAST(UNIX_SECONDS(CAST(`t4`.`occurred_at` AS DATETIME)) AS FLOAT64) AS `second:occurred_at`,
  `t4`.`sentiment` AS `number:sentiment`,
  COALESCE(`t4`.`kind` IN ('call', 'ebr', 'meeting'), FALSE) AS `where:kind=call|ebr|meeting`,
  COALESCE(`t4`.`kind` IN ('ebr'), FALSE) AS `where:kind=ebr`
FROM (
  SELECT
    `t2`.`interaction_id`,
    `t2`.`account_id`,
    `t2`.`contact_id`,
    `t2`.`kind`,
    `t2`.`minutes`,
    `t2`.`summary`,
    `t2`.`sentiment`,
    `t2`.`occurred_at`,
    `t2`.`known_at`,
    `t3`.`account`
  FROM `raw`.`interactions` AS `t2`
  INNER JOIN `account_numbers` AS `t3`
    ON `t2`.`account_id` = `t3`.`account_id`
) AS `t4`
ORDER BY
  `t4`.`account` ASC NULLS LAST,
  `t4`.`occurred_at` ASC NULLS LAST,
  `t4`.`known_at` ASC NULLS LAST,
  `t4`.`interaction_id` ASC NULLS LAST;

SELECT
  `t5`.`account`,
  CAST(DATE_DIFF(DATE(CAST(`t5`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `occurred`,
  CAST(DATE_DIFF(DATE(CAST(`t5`.`known_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `known`,
  `t5`.`amount` AS `number:amount`,
  COALESCE(
    CAST(DATE_DIFF(DATE(CAST(`t5`.`due_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64),
    1073741824
  ) AS `day:due_at`,
  CAST(UNIX_SECONDS(CAST(`t5`.`due_at` AS DATETIME)) AS FLOAT64) AS `second:due_at`,
  COALESCE(
    IF(
      COALESCE(`t5`.`status` IN ('paid', 'uncollectible') AND (
        `t5`.`paid_at` IS NULL
      ), FALSE),
      CAST(DATE_DIFF(DATE(CAST(`t5`.`status_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64),
      CAST(DATE_DIFF(DATE(CAST(`t5`.`paid_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64)
    ),
    1073741824
  ) AS `day:paid_at`,
  CAST(UNIX_SECONDS(CAST(`t5`.`paid_at` AS DATETIME)) AS FLOAT64) AS `second:paid_at`,
  COALESCE(`t5`.`status` IN ('paid', 'uncollectible') AND (
    `t5`.`paid_at` IS NULL
  ), FALSE)
  OR (
    (
      INSTR(COALESCE(`t5`.`unknown_stages`, ''), 'paid_at') > 0
    )
    AND (
      `t5`.`status` IS NULL
    )
  ) AS `untold:paid_at`,
  COALESCE(`t5`.`kind` IN ('usage'), FALSE) AS `where:kind=usage`
FROM (
  SELECT
    `t4`.`invoice_id`,
    `t4`.`account_id`,
    `t4`.`kind`,
    `t4`.`amount`,
    `t4`.`currency`,
    `t4`.`status`,
    `t4`.`status_at`,
    `t4`.`due_at`,
    `t4`.`paid_at`,
    `t4`.`unknown_stages`,
    `t4`.`occurred_at`,
    `t4`.`known_at`,
    `t2`.`account`
  FROM (
    SELECT
      *
    FROM `raw`.`invoices` AS `t0`
    WHERE
      NOT (
        COALESCE(`t0`.`status` IN ('void', 'draft'), FALSE)
      )
  ) AS `t4`
  INNER JOIN `account_numbers` AS `t2`
    ON `t4`.`account_id` = `t2`.`account_id`
) AS `t5`
ORDER BY
  `t5`.`account` ASC NULLS LAST,
  `t5`.`occurred_at` ASC NULLS LAST,
  `t5`.`known_at` ASC NULLS LAST,
  `t5`.`invoice_id` ASC NULLS LAST;

SELECT
  `t4`.`account`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `occurred`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`known_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `known`,
  `t4`.`score` AS `number:score`,
  `t4`.`sentiment` AS `number:sentiment`,
  COALESCE(`t4`.`kind` IN ('nps'), FALSE) AS `where:kind=nps`,
  COALESCE(`t4`.`kind` IN ('csat'), FALSE) AS `where:kind=csat`
FROM (
  SELECT
    `t2`.`survey_id`,
    `t2`.`account_id`,
    `t2`.`contact_id`,
    `t2`.`kind`,
    `t2`.`score`,
    `t2`.`text`,
    `t2`.`sentiment`,
    `t2`.`occurred_at`,
    `t2`.`known_at`,
    `t3`.`account`
  FROM `raw`.`surveys` AS `t2`
  INNER JOIN `account_numbers` AS `t3`
    ON `t2`.`account_id` = `t3`.`account_id`
) AS `t4`
ORDER BY
  `t4`.`account` ASC NULLS LAST,
  `t4`.`occurred_at` ASC NULLS LAST,
  `t4`.`known_at` ASC NULLS LAST,
  `t4`.`survey_id` ASC NULLS LAST;

SELECT
  `t4`.`account`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `occurred`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`known_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `known`,
  COALESCE(
    CAST(DATE_DIFF(DATE(CAST(`t4`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64),
    1073741824
  ) AS `day:occurred_at`,
  CAST(UNIX_SECONDS(CAST(`t4`.`occurred_at` AS DATETIME)) AS FLOAT64) AS `second:occurred_at`,
  COALESCE(`t4`.`topic` IN ('names_competitor'), FALSE) AS `where:topic=names_competitor`,
  COALESCE(`t4`.`topic` IN ('asks_for_discount'), FALSE) AS `where:topic=asks_for_discount`,
  COALESCE(`t4`.`topic` IN ('asks_for_export'), FALSE) AS `where:topic=asks_for_export`,
  COALESCE(`t4`.`topic` IN ('asks_to_cancel'), FALSE) AS `where:topic=asks_to_cancel`
FROM (
  SELECT
    `t2`.`topic_id`,
    `t2`.`account_id`,
    `t2`.`topic`,
    `t2`.`confidence`,
    `t2`.`source_id`,
    `t2`.`occurred_at`,
    `t2`.`known_at`,
    `t3`.`account`
  FROM `raw`.`text_topics` AS `t2`
  INNER JOIN `account_numbers` AS `t3`
    ON `t2`.`account_id` = `t3`.`account_id`
) AS `t4`
ORDER BY
  `t4`.`account` ASC NULLS LAST,
  `t4`.`occurred_at` ASC NULLS LAST,
  `t4`.`known_at` ASC NULLS LAST,
  `t4`.`topic_id` ASC NULLS LAST;

SELECT
  `t4`.`account`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `occurred`,
  CAST(DATE_DIFF(DATE(CAST(`t4`.`known_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `known`,
  `t4`.`sentiment` AS `number:sentiment`,
  COALESCE(`t4`.`author` IN ('customer'), FALSE) AS `where:author=customer`
FROM (
  SELECT
    `t2`.`message_id`,
    `t2`.`ticket_id`,
    `t2`.`account_id`,
    `t2`.`author`,
    `t2`.`text`,
    `t2`.`sentiment`,
    `t2`.`occurred_at`,
    `t2`.`known_at`,
    `t3`.`account`
  FROM `raw`.`ticket_messages` AS `t2`
  INNER JOIN `account_numbers` AS `t3`
    ON `t2`.`account_id` = `t3`.`account_id`
) AS `t4`
ORDER BY
  `t4`.`account` ASC NULLS LAST,
  `t4`.`occurred_at` ASC NULLS LAST,
  `t4`.`known_at` ASC NULLS LAST,
  `t4`.`message_id` ASC NULLS LAST;

SELECT
  `t5`.`account`,
  CAST(DATE_DIFF(DATE(CAST(`t5`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `occurred`,
  CAST(DATE_DIFF(DATE(CAST(`t5`.`known_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64) AS `known`,
  COALESCE(
    CAST(DATE_DIFF(DATE(CAST(`t5`.`escalated_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64),
    1073741824
  ) AS `day:escalated_at`,
  CAST(UNIX_SECONDS(CAST(`t5`.`escalated_at` AS DATETIME)) AS FLOAT64) AS `second:escalated_at`,
  COALESCE(
    CAST(DATE_DIFF(DATE(CAST(`t5`.`first_response_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64),
    1073741824
  ) AS `day:first_response_at`,
  CAST(UNIX_SECONDS(CAST(`t5`.`first_response_at` AS DATETIME)) AS FLOAT64) AS `second:first_response_at`,
  COALESCE(
    CAST(DATE_DIFF(DATE(CAST(`t5`.`occurred_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64),
    1073741824
  ) AS `day:occurred_at`,
  CAST(UNIX_SECONDS(CAST(`t5`.`occurred_at` AS DATETIME)) AS FLOAT64) AS `second:occurred_at`,
  COALESCE(
    IF(
      COALESCE(`t5`.`status` IN ('solved', 'closed') AND (
        `t5`.`resolved_at` IS NULL
      ), FALSE),
      CAST(DATE_DIFF(DATE(CAST(`t5`.`status_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64),
      CAST(DATE_DIFF(DATE(CAST(`t5`.`resolved_at` AS DATETIME)), DATE(1970, 1, 1), DAY) AS INT64)
    ),
    1073741824
  ) AS `day:resolved_at`,
  CAST(UNIX_SECONDS(CAST(`t5`.`resolved_at` AS DATETIME)) AS FLOAT64) AS `second:resolved_at`,
  INSTR(COALESCE(`t5`.`unknown_stages`, ''), 'first_response_at') > 0 AS `untold:first_response_at`,
  COALESCE(`t5`.`status` IN ('solved', 'closed') AND (
    `t5`.`resolved_at` IS NULL
  ), FALSE)
  OR (
    (
      INSTR(COALESCE(`t5`.`unknown_stages`, ''), 'resolved_at') > 0
    )
    AND (
      `t5`.`status` IS NULL
    )
  ) AS `untold:resolved_at`,
  INSTR(COALESCE(`t5`.`unknown_stages`, ''), 'escalated_at') > 0 AS `untold:escalated_at`,
  COALESCE(`t5`.`priority` IN ('critical'), FALSE) AS `where:priority=critical`
FROM (
  SELECT
    `t4`.`ticket_id`,
    `t4`.`account_id`,
    `t4`.`contact_id`,
    `t4`.`priority`,
    `t4`.`status`,
    `t4`.`status_at`,
    `t4`.`first_response_at`,
    `t4`.`resolved_at`,
    `t4`.`escalated_at`,
    `t4`.`unknown_stages`,
    `t4`.`occurred_at`,
    `t4`.`known_at`,
    `t2`.`account`
  FROM (
    SELECT
      *
    FROM `raw`.`tickets` AS `t0`
    WHERE
      NOT (
        COALESCE(`t0`.`status` IN ('deleted'), FALSE)
      )
  ) AS `t4`
  INNER JOIN `account_numbers` AS `t2`
    ON `t4`.`account_id` = `t2`.`account_id`
) AS `t5`
ORDER BY
  `t5`.`account` ASC NULLS LAST,
  `t5`.`occurred_at` ASC NULLS LAST,
  `t5`.`known_at` ASC NULLS LAST,
  `t5`.`ticket_id` ASC NULLS LAST;
