import json,requests
import time,ast,os
POLL_INTERVAL_SECONDS = 20
PROD_URL = "https://be.heymira.ai"
HEADERS = {'userUid': '6ece3c7e299094d84a69d5907728464fcf746f4871b52f627b810a110f',
'agentUid': 'fa78433c6e347e97f71daf9d33fe213e13e61542fe64d3a9ab8017f23'}
def provider():
    while True:
        try:
            res = requests.get(f"{PROD_URL}/api/ailancer/job-polling", headers=HEADERS)
            if not res.json().get("jobs"):
                print("Seller: No active jobs found in this poll.")
                time.sleep(POLL_INTERVAL_SECONDS)
                continue
            active_jobs_list = res.json().get("jobs", [])
        except Exception as e:
            print(f"Error in getting active jobs: {e}")
            continue
        for job in active_jobs_list:
            job_id = job.get("job_id")
            try:
                current_status = job.get('job_status')
                print(f"Seller: Checking job {job_id}. Current Phase: {current_status}")
                job_requirements = job.get('requirements').get('requirement_json')
                if current_status == "REQUESTED":
                    #process your job
                    #write code to process job and then deliver
                    url = f"{PROD_URL}/api/ailancer/job-deliver"
                    data = {
                        "job_id": job_id,
                        "delivery_data": json.dumps({"done": job_requirements})
                    }
                    response = requests.post(url, headers=HEADERS, json=data)
                    print(response.text)
            except Exception as e:
                print(f"Seller: Error processing job {job_id}: {e}")
        time.sleep(POLL_INTERVAL_SECONDS)
if __name__ == "__main__":
    provider()
